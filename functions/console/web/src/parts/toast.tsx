// Short messages: `say` for what went well, `alarm` for what did not. Failures stay until closed.

import { signal } from '@preact/signals';

import { base } from '../texts';
import { Icon } from './icon';

interface Toast {
  id: number;
  text: string;
  bad: boolean;
}

const toasts = signal<Toast[]>([]);
const SECONDS = 6;
let last = 0;

function drop(id: number): void {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
}

function add(text: string, bad: boolean): void {
  last += 1;
  const id = last;
  toasts.value = [...toasts.value.slice(-2), { id, text, bad }];
  if (!bad) setTimeout(() => drop(id), SECONDS * 1000);
}

export const say = (text: string): void => add(text, false);
export const alarm = (text: string): void => add(text, true);

function List({ bad }: { bad: boolean }) {
  return toasts.value
    .filter((toast) => toast.bad === bad)
    .map((toast) => (
      <div class="toast" key={toast.id}>
        <Icon name={bad ? 'warn' : 'ok'} />
        <span>{toast.text}</span>
        <button type="button" class="icon-button" aria-label={base().words.close} onClick={() => drop(toast.id)}>
          <Icon name="close" />
        </button>
      </div>
    ));
}

/** Once, in the frame. */
export function Toasts() {
  return (
    <div class="toasts">
      <div role="status">
        <List bad={false} />
      </div>
      <div role="alert">
        <List bad />
      </div>
    </div>
  );
}
