import { expect, test } from 'vitest';

import { labelled, niceMax, runsOf, stack } from './scale';

test('an axis ends at a round number that holds every value', () => {
  expect([0, 1, 2, 3, 9, 10, 11, 99, 412, 5000, 0.3].map((value) => niceMax(value))).toEqual([1, 1, 2, 5, 10, 10, 20, 100, 500, 5000, 1]);
});

test('parts of a stack follow each other', () => {
  expect(stack([2, null, 0, 3])).toEqual([[0, 2], [2, 2], [2, 2], [2, 5]]);
});

test('a line breaks where there is no value', () => {
  expect(runsOf([1, 2, null, 3, null]).map((run) => run.map((point) => point.at))).toEqual([[0, 1], [3]]);
  expect(runsOf([null])).toEqual([]);
});

test('labels keep their distance', () => {
  const shown = (count: number, space: number) => Array.from({ length: count }, (_, at) => at).filter(labelled(count, space, 48)).length;
  expect(shown(24, 1200)).toBe(24);
  expect(shown(24, 320)).toBe(6);
  expect(shown(0, 0)).toBe(0);
});
