import { expect, it } from 'vitest';

import { delayOf, delaysOf, delaysText } from './delays';

it('reads seconds and units', () => {
  expect(['5', '5 s', '2min', '1.5 h', '1,5 h', '7 d'].map(delayOf)).toEqual([5, 5, 120, 5400, 5400, 604_800]);
});

it('refuses what is no delay', () => {
  expect(['', 'soon', '-1', '5 weeks', '0.3 s'].map(delayOf)).toEqual([undefined, undefined, undefined, undefined, undefined]);
});

it('reads what it writes', () => {
  const delays = [5, 300, 1800, 7200, 86_400, 0, 90];
  expect(delaysText(delays)).toBe('5 s, 5 min, 30 min, 2 h, 1 d, 0 s, 90 s');
  expect(delaysOf(delaysText(delays))).toEqual(delays);
  expect(delaysOf('')).toEqual([]);
});
