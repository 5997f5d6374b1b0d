// One clock for all lists: every 30 seconds, unless the page is hidden, offline, has a dialog or
// a menu open, has no session, or the person has paused it.

import { computed, effect, signal } from '@preact/signals';

export const REFRESH_SECONDS = 30;

/** By the person. */
export const paused = signal(false);
/** How many dialogs and menus are open. */
export const open = signal(0);
export const hidden = signal(typeof document !== 'undefined' && document.hidden);
export const offline = signal(typeof navigator !== 'undefined' && navigator.onLine === false);
/** Set while there is no session. */
export const locked = signal(false);
/** When the last refresh ended, in ms. */
export const refreshedAt = signal(Date.now());
/** The present time, once a second while the page is visible: for ages and count-downs. */
export const now = signal(Date.now());

export const suspended = computed(() => paused.value || open.value > 0 || hidden.value || offline.value || locked.value);

/** `asked`: a person wants it now, however young the data is. */
type Task = (asked: boolean) => Promise<void> | void;
const tasks = new Set<Task>();

/** Calls `task` at each refresh. The answer ends it. */
export function onRefresh(task: Task): () => void {
  tasks.add(task);
  return () => {
    tasks.delete(task);
  };
}

export async function refreshNow(asked = true): Promise<void> {
  await Promise.allSettled([...tasks].map(async (task) => task(asked)));
  refreshedAt.value = Date.now();
}

let started = false;

export function startRefresh(): void {
  if (started) return;
  started = true;
  document.addEventListener('visibilitychange', () => (hidden.value = document.hidden));
  addEventListener('online', () => (offline.value = false));
  addEventListener('offline', () => (offline.value = true));
  setInterval(() => {
    if (!hidden.value) now.value = Date.now();
  }, 1000);
  let running = false;
  effect(() => {
    const due = !suspended.value && now.value - refreshedAt.value >= REFRESH_SECONDS * 1000;
    if (!due || running) return;
    running = true;
    void refreshNow(false).finally(() => (running = false));
  });
}
