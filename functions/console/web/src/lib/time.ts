// Times as people say them; the texts come from the caller, so that this file needs no language.

import type { Base } from '../texts/en';

const UNITS = [
  [86_400, 'days'],
  [3600, 'hours'],
  [60, 'minutes'],
] as const;

/** A duration in its largest unit: 45 s, 3 min, 5 h, 2 d. */
export function span(seconds: number, words: Base['time']): string {
  const size = Math.abs(seconds);
  const [unit, name] = UNITS.find(([unit]) => size >= unit) ?? [];
  return unit === undefined ? words.seconds(Math.round(size)) : words[name](Math.floor(size / unit));
}

/** What is over is rounded down. What lies ahead is rounded to the nearest unit: who chose 3 days
 * reads 3 days a moment later. */
export function relative(at: number, now: number, words: Base['time']): string {
  const seconds = (at - now) / 1000;
  if (Math.abs(seconds) < 1.5) return words.now;
  if (seconds < 0) return words.ago(span(seconds, words));
  const [unit] = UNITS.find(([unit]) => seconds >= unit - Math.min(30, unit / 120)) ?? [1];
  return words.inFuture(span(Math.round(seconds / unit) * unit, words));
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
