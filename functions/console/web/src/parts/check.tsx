// A checkbox or a switch. The help is its description, so that the label alone is its name.

import { useEffect, useId, useRef } from 'preact/hooks';

interface Props {
  label: preact.ComponentChildren;
  help?: preact.ComponentChildren;
  checked: boolean;
  onChange: (checked: boolean) => void;
  /** Looks like a switch. */
  as?: 'switch';
  /** Some of what it stands for is on. */
  mixed?: boolean;
  /** The name, if the label is too short to be one. */
  name?: string;
}

export function Check({ label, help, checked, onChange, as, mixed = false, name }: Props) {
  const id = useId();
  const box = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (box.current !== null) box.current.indeterminate = mixed;
  }, [mixed]);
  const attributes = { id, ref: box, checked, 'aria-label': name, 'aria-describedby': help === undefined ? undefined : `${id}-help`, onChange: (event: { currentTarget: HTMLInputElement }) => onChange(event.currentTarget.checked) };
  return (
    <div class="check">
      {/* A switch has two states only, so one that can be mixed stays a checkbox by its role. */}
      {as === 'switch' && !mixed && name === undefined ? <input {...attributes} type="checkbox" role="switch" class="switch" /> : <input {...attributes} type="checkbox" class={as} />}
      <span>
        <label htmlFor={id}>{label}</label>
        {help !== undefined && (
          <span class="help" id={`${id}-help`}>
            {' '}
            {help}
          </span>
        )}
      </span>
    </div>
  );
}
