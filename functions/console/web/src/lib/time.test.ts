import { expect, test } from 'vitest';

import { base } from '../texts/en/base';
import { relative } from './time';

const [MINUTE, HOUR, DAY] = [60, 3600, 86_400];

test.each([
  [3 * DAY - 1, 'in 3 d'],
  [2 * DAY + 20 * HOUR, 'in 3 d'],
  [26 * HOUR, 'in 1 d'],
  [DAY - 20, 'in 1 d'],
  [12 * HOUR, 'in 12 h'],
  [HOUR - 20, 'in 1 h'],
  [5 * MINUTE - 1, 'in 5 min'],
  [31, 'in 31 s'],
  [59.8, 'in 1 min'],
  [20, 'in 20 s'],
  [1, 'just now'],
  [-3 * DAY + 1, '2 d ago'],
  [-2 * HOUR + 1, '1 h ago'],
  [-45, '45 s ago'],
])('%i seconds from now: %s', (seconds, said) => {
  expect(relative(seconds * 1000, 0, base.time)).toBe(said);
});
