// Short messages: `say` for what went well, `alarm` for what did not. Failures stay until closed.
// They never lie over what has the focus: the page gets room for them, and scrolls.

import { signal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';

import { safeLine } from '../lib/safe-text';
import { base } from '../texts';
import { Icon } from './icon';

interface Toast {
  id: number;
  since: number;
  text: string;
  bad: boolean;
}

const toasts = signal<Toast[]>([]);
const SECONDS = 6;
/** A failure that a page says while it leaves is for the next one. */
const LEAVING_MS = 300;
let last = 0;

function drop(id: number): void {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
}

function add(text: string, bad: boolean): void {
  last += 1;
  const id = last;
  toasts.value = [...toasts.value.slice(-2), { id, since: Date.now(), text: safeLine(text), bad }];
  if (!bad) setTimeout(() => drop(id), SECONDS * 1000);
}

/** Another page has been opened: what failed on the last one does not concern it. */
export function dropOld(): void {
  const { value } = toasts;
  const young = value.filter(({ since, bad }) => !bad || Date.now() - since < LEAVING_MS);
  if (young.length < value.length) toasts.value = young;
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

/** How many dialogs are open. What is outside of the topmost one is not read out. */
export const dialogs = signal(0);

/** In the frame, and in each dialog. `level`: how many dialogs are below. */
export function Toasts({ level = 0 }: { level?: number }) {
  const box = useRef<HTMLDivElement>(null);
  const mine = level === dialogs.value;
  const count = mine ? toasts.value.length : 0;
  useLayoutEffect(() => {
    if (level > 0) return;
    const root = document.documentElement;
    root.style.setProperty('--toasts', `${count === 0 ? 0 : (box.current?.offsetHeight ?? 0)}px`);
    if (count > 0 && root !== document.activeElement && document.body !== document.activeElement) document.activeElement?.scrollIntoView({ block: 'nearest' });
  }, [count, level]);
  return (
    <div class="toasts" ref={box}>
      <div role="status">{mine && <List bad={false} />}</div>
      <div role="alert">{mine && <List bad />}</div>
    </div>
  );
}
