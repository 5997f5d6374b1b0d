// An input that hides what is in it until somebody asks. What is typed stays in the element: it is
// in no state, and goes with the element.

import { useEffect } from 'preact/hooks';

interface Props {
  id: string;
  name?: string;
  inputRef: { current: HTMLInputElement | null };
  shown: boolean;
  /** Of a secret that is shown, and not typed. */
  value?: string;
  readOnly?: boolean;
  maxLength?: number;
  onInput?: () => void;
  'aria-invalid'?: boolean;
  'aria-describedby'?: string;
  'aria-required'?: boolean;
}

export function SecretInput({ inputRef, shown, value, readOnly, ...rest }: Props) {
  const type = (shown ? 'text' : 'password') as 'password';
  useEffect(
    () => () => {
      if (inputRef.current !== null) inputRef.current.value = '';
    },
    [],
  );
  return <input {...rest} ref={inputRef} class="mono" type={type} value={value} readOnly={readOnly} autocomplete="off" spellcheck={false} data-autofocus={readOnly} onFocus={(event) => readOnly === true && event.currentTarget.select()} />;
}
