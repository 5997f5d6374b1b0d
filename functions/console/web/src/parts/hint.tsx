// A hint on hover and on focus: one element for the whole page, which the pointer may enter and
// Escape closes. In a table only controls stop Tab: the first one of a row shows what its row's
// cells hint at.

import { signal } from '@preact/signals';
import { createContext } from 'preact';
import { useContext, useEffect, useLayoutEffect, useRef } from 'preact/hooks';

/** Set within a table. */
export const InTable = createContext(false);

/** For what is no control and has a hint: whether Tab stops there. */
export const useHintStop = (): 0 | undefined => (useContext(InTable) ? undefined : 0);

const shown = signal<{ target: HTMLElement; text: string } | null>(null);
const ID = 'hint';

/** What a row's cells hint at, a line each, if `from` is the row's first control. */
function ofRow(from: Element): string | undefined {
  const row = from.closest('tr');
  if (row === null || row.querySelector('a, button, input') !== from) return undefined;
  const hinted = [...row.querySelectorAll<HTMLElement>('[data-hint]')].filter((one) => one === from || one.closest('button, a:not([tabindex="-1"])') === null);
  const lines = hinted.map((one) => [one.closest<HTMLElement>('[data-label]')?.dataset['label'], one.dataset['hint']].filter(Boolean).join(': '));
  return lines.join('\n');
}

function over(event: Event): void {
  const from = event.target instanceof Element ? event.target : null;
  if (from?.closest(`#${ID}`)) return;
  const row = event.type === 'focusin' && from instanceof HTMLElement && from.matches(':focus-visible') ? ofRow(from) : undefined;
  const target = row !== undefined ? (from as HTMLElement) : (from?.closest<HTMLElement>('[data-hint]') ?? null);
  const text = row ?? target?.dataset['hint'];
  if (target === null || text === undefined || text === '') hide();
  else if (shown.value?.target !== target) {
    hide();
    target.setAttribute('aria-describedby', ID);
    shown.value = { target, text };
  }
}

function hide(): void {
  shown.value?.target.removeAttribute('aria-describedby');
  if (shown.value !== null) shown.value = null;
}

/** Once, in the frame. */
export function Hints() {
  const box = useRef<HTMLDivElement>(null);
  const hint = shown.value;
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.key === 'Escape') hide();
    };
    const leave = (event: FocusEvent): void => {
      if (event.relatedTarget === null) hide();
    };
    document.addEventListener('pointerover', over);
    document.addEventListener('focusin', over);
    document.addEventListener('focusout', leave);
    document.addEventListener('keydown', onKey);
    addEventListener('scroll', hide, { passive: true });
    return () => {
      document.removeEventListener('pointerover', over);
      document.removeEventListener('focusin', over);
      document.removeEventListener('focusout', leave);
      document.removeEventListener('keydown', onKey);
      removeEventListener('scroll', hide);
    };
  }, []);
  useLayoutEffect(() => {
    if (hint === null || box.current === null) return undefined;
    // Above an open dialog, too.
    box.current.showPopover();
    const at = hint.target.getBoundingClientRect();
    const own = box.current.getBoundingClientRect();
    const left = Math.max(8, Math.min(at.left, innerWidth - own.width - 8));
    const below = at.bottom + 2;
    box.current.style.left = `${left}px`;
    box.current.style.top = `${below + own.height > innerHeight ? at.top - own.height - 2 : below}px`;
    return () => box.current?.hidePopover();
  }, [hint]);
  return (
    <div id={ID} class="hint" role="tooltip" ref={box} popover="manual">
      {hint?.text}
    </div>
  );
}

/** Text that is cut or short, with the whole on hover and focus. */
export function Hinted({ hint, children, class: name }: { hint: string; children: preact.ComponentChildren; class?: string }) {
  return (
    <span class={name} tabIndex={useHintStop()} data-hint={hint}>
      {children}
    </span>
  );
}
