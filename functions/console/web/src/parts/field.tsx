// A field with its label, help and error. `errors` come from the page or from the server.

import { useId } from 'preact/hooks';

import { safeLine } from '../lib/safe-text';
import { base } from '../texts';
import { Icon } from './icon';

export interface FieldProps {
  label: preact.ComponentChildren;
  help?: preact.ComponentChildren;
  error?: string;
  required?: boolean;
  /** Neither required nor optional: it is shown, not asked. */
  shown?: boolean;
  /** `data-field` is the member's path: the summary of errors links to it. */
  name: string;
  children: (attributes: { id: string; name: string; 'aria-invalid'?: boolean; 'aria-describedby'?: string; 'aria-required'?: boolean }) => preact.ComponentChildren;
}

export function Field({ label, help, error, required, shown, name, children }: FieldProps) {
  const id = useId();
  const described = [help !== undefined ? `${id}-help` : '', error !== undefined ? `${id}-error` : ''].filter((part) => part !== '').join(' ');
  return (
    <div class="field" data-field={name}>
      <label class="label" htmlFor={id}>
        {label}
        {shown === true ? null : required === true ? (
          <span aria-hidden="true" class="soft">
            {' *'}
          </span>
        ) : (
          <span class="soft small"> ({base().words.optional})</span>
        )}
      </label>
      {children({ id, name, 'aria-invalid': error !== undefined || undefined, 'aria-describedby': described === '' ? undefined : described, 'aria-required': required })}
      {help !== undefined && (
        <span class="help" id={`${id}-help`}>
          {help}
        </span>
      )}
      <FieldError id={`${id}-error`} error={error} />
    </div>
  );
}

export function FieldError({ id, error }: { id: string; error: string | undefined }) {
  return error === undefined ? null : (
    <span class="field-error" id={id}>
      <Icon name="warn" />
      {safeLine(error)}
    </span>
  );
}

/** Moves the focus to the field of that name, or to the first control in it. */
export function focusField(form: HTMLElement | null, name: string): void {
  const fields = [...(form?.querySelectorAll<HTMLElement>('[data-field]') ?? [])];
  const found = fields.find((field) => field.dataset['field'] === name) ?? fields.find((field) => name.startsWith(`${field.dataset['field']}.`));
  found?.closest('details')?.setAttribute('open', '');
  found?.querySelector<HTMLElement>('input, select, textarea, button')?.focus();
}
