// To the previous and the next delivery of the list, also by the arrow keys.

import { useLocation } from 'preact-iso';
import { useEffect } from 'preact/hooks';

import { open } from '../../lib/refresh';
import { useTenant } from '../../lib/tenant';
import type { Neighbours } from '../../lib/trail';
import { Icon } from '../../parts/icon';
import { texts } from '../../texts';

/** Where arrows have a meaning of their own, or scroll. */
const OWN_ARROWS = 'input, select, textarea, summary, [role="group"], [role="region"], [role^="menu"], pre, .table';

export function Pager({ neighbours }: { neighbours: Neighbours }) {
  const t = texts('delivery');
  const tenant = useTenant();
  const { route } = useLocation();
  const to = (id: string | undefined): string | undefined => (id === undefined ? undefined : tenant.href(`deliveries/${encodeURIComponent(id)}`));
  const previous = to(neighbours.previous);
  const next = to(neighbours.next);
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || event.defaultPrevented || open.value > 0) return;
      if (event.target instanceof Element && event.target.closest(OWN_ARROWS) !== null) return;
      const href = { ArrowLeft: previous, ArrowRight: next }[event.key];
      if (href !== undefined) route(href);
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [previous, next]);
  if (previous === undefined && next === undefined) return null;
  return (
    <nav class="pager" aria-label={t.inList}>
      <Step href={previous} label={t.previous} keys={t.keys} side="start" />
      <Step href={next} label={t.next} keys={t.keys} side="end" />
    </nav>
  );
}

function Step({ href, label, keys, side }: { href: string | undefined; label: string; keys: string; side: 'start' | 'end' }) {
  const icon = (
    <span class={side === 'end' ? 'turned' : undefined}>
      <Icon name="back" />
    </span>
  );
  if (href === undefined) {
    return (
      <span class="icon-button is-off" aria-hidden="true">
        {icon}
      </span>
    );
  }
  return (
    <a class="icon-button" href={href} aria-label={label} data-hint={`${label}. ${keys}`}>
      {icon}
    </a>
  );
}
