// Unsaved work: links, Back and closing the tab ask first.

import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';

/** Set while a page has unsaved work; the frame asks before it goes. */
export const unsaved = signal(false);
/** Where the person wants to go, while the question is open. */
export const leaving = signal<{ go: () => void } | null>(null);

export function useUnsaved(dirty: boolean): void {
  useEffect(() => {
    unsaved.value = dirty;
    return () => {
      unsaved.value = false;
    };
  }, [dirty]);
}

/** Asks if something is unsaved, then goes. */
export function leave(go: () => void): void {
  if (unsaved.value) leaving.value = { go };
  else go();
}

let settled = '';
let route: (url: string) => void = (url) => location.assign(url);

/** The router's own way to a page. */
export function routeBy(own: (url: string) => void): void {
  route = own;
}

/** Once, before the router listens: listeners of the window run in the order in which they came,
 * and the router must not see what asks first. */
export function guardLeaving(): void {
  settled = location.href;
  const onClick = (event: MouseEvent): void => {
    if (!unsaved.value || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || event.button !== 0) return;
    const link = event.target instanceof Element ? event.target.closest<HTMLAnchorElement>('a[href]') : null;
    if (link === null || link.getAttribute('href')?.startsWith('#') === true || link.origin !== location.origin || link.hasAttribute('download')) return;
    event.preventDefault();
    event.stopPropagation();
    const url = link.href.slice(location.origin.length);
    leave(() => route(url));
  };
  const onPop = (event: PopStateEvent): void => {
    if (!unsaved.value) {
      settled = location.href;
      return;
    }
    event.stopImmediatePropagation();
    const wanted = location.href;
    history.pushState(null, '', settled);
    leave(() => route(wanted.slice(location.origin.length)));
  };
  const onUnload = (event: BeforeUnloadEvent): void => {
    if (unsaved.value) event.preventDefault();
  };
  document.addEventListener('click', onClick, true);
  addEventListener('popstate', onPop, true);
  addEventListener('beforeunload', onUnload);
}

/** After each change of page. */
export function settle(): void {
  settled = location.href;
}
