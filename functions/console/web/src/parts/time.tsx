import { now } from '../lib/refresh';
import { absolute, relative } from '../lib/time';
import { base, locale } from '../texts';
import { useHintStop } from './hint';

/** Relative, absolute on hover and focus. `at`: RFC 3339. */
export function Time({ at, none }: { at: string | undefined | null; none?: string }) {
  const stop = useHintStop();
  if (at === undefined || at === null) return <span class="soft">{none ?? base().words.never}</span>;
  const ms = Date.parse(at);
  if (Number.isNaN(ms)) return <span>{at}</span>;
  return (
    <time class="nowrap" dateTime={at} tabIndex={stop} data-hint={absolute(ms, locale())}>
      {relative(ms, now.value, base().time)}
    </time>
  );
}

/** Absolute, for a sentence or a detail. */
export function FullTime({ at }: { at: string }) {
  return <time dateTime={at}>{absolute(Date.parse(at), locale())}</time>;
}
