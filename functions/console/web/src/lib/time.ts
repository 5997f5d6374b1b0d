// Times as people say them; the texts come from the caller, so that this file needs no language.

import type { Base } from '../texts/en';

/** A duration in its largest unit: 45 s, 3 min, 5 h, 2 d. */
export function span(seconds: number, words: Base['time']): string {
  const size = Math.abs(seconds);
  if (size < 60) return words.seconds(Math.round(size));
  if (size < 3600) return words.minutes(Math.floor(size / 60));
  if (size < 86_400) return words.hours(Math.floor(size / 3600));
  return words.days(Math.floor(size / 86_400));
}

export function relative(at: number, now: number, words: Base['time']): string {
  const seconds = (at - now) / 1000;
  if (Math.abs(seconds) < 1.5) return words.now;
  return seconds > 0 ? words.inFuture(span(seconds, words)) : words.ago(span(seconds, words));
}

/** In the person's time zone, to the second, with the zone. */
export function absolute(at: number, locale: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'long' }).format(at);
}

/** 143 ms, 12.3 s. */
export function duration(ms: number, locale: string): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return `${new Intl.NumberFormat(locale, { maximumFractionDigits: 1 }).format(ms / 1000)} s`;
}
