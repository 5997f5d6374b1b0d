// A hint on hover and on focus: one element for the whole page, which the pointer may enter and
// Escape closes.

import { signal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';

const shown = signal<{ target: HTMLElement; text: string } | null>(null);
const ID = 'hint';

function over(event: Event): void {
  const from = event.target instanceof Element ? event.target : null;
  if (from?.closest(`#${ID}`)) return;
  const target = from?.closest<HTMLElement>('[data-hint]') ?? null;
  const text = target?.dataset['hint'];
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
    if (hint === null || box.current === null) return;
    const at = hint.target.getBoundingClientRect();
    const own = box.current.getBoundingClientRect();
    const left = Math.max(8, Math.min(at.left, innerWidth - own.width - 8));
    const below = at.bottom + 2;
    box.current.style.left = `${left}px`;
    box.current.style.top = `${below + own.height > innerHeight ? at.top - own.height - 2 : below}px`;
  }, [hint]);
  return (
    <div id={ID} class="hint" role="tooltip" ref={box} hidden={hint === null}>
      {hint?.text}
    </div>
  );
}

/** Text that is cut or short, with the whole on hover and focus. */
export function Hinted({ hint, children, class: name }: { hint: string; children: preact.ComponentChildren; class?: string }) {
  return (
    <span class={name} tabIndex={0} data-hint={hint}>
      {children}
    </span>
  );
}
