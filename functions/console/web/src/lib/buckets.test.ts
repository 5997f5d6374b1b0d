import { expect, test } from 'vitest';

import { bucketsOf, classesOf, hours, NO_ANSWER, ofClass, percentile, type Bucket } from './buckets';

const NOW = Date.parse('2026-01-31T12:34:56.000Z');

test('the last hours end with the present one', () => {
  expect(hours(NOW, 3).map((start) => new Date(start).toISOString())).toEqual(['2026-01-31T10:00:00.000Z', '2026-01-31T11:00:00.000Z', '2026-01-31T12:00:00.000Z']);
});

test('deliveries are counted in their hour, those outside are left out', () => {
  const of = (createdAt: string, status: string, code?: number, took?: number) => ({ createdAt, status, lastResponseCode: code, lastDurationMs: took });
  const buckets = bucketsOf(
    [
      of('2026-01-31T11:00:00.000Z', 'completed', 200, 30),
      of('2026-01-31T11:59:59.999Z', 'failed', 503, 10),
      of('2026-01-31T12:00:00.000Z', 'retrying', 503),
      of('2026-01-31T12:00:01.000Z', 'pending'),
      of('2026-01-31T10:59:59.999Z', 'completed', 200),
      of('2026-01-31T13:00:00.000Z', 'completed', 200),
    ],
    hours(NOW, 2),
  );
  expect(buckets).toEqual([
    { start: '2026-01-31T11:00:00.000Z', completed: 1, failed: 1, pending: 0, inProgress: 0, codes: { 200: 1, 503: 1 }, latencyMs: { p50: 10, p95: 30 } },
    { start: '2026-01-31T12:00:00.000Z', completed: 0, failed: 0, pending: 1, inProgress: 1, codes: { 503: 1 } },
  ]);
  expect(classesOf(buckets)).toEqual(['2xx', '5xx']);
  const unanswered = bucketsOf([{ createdAt: '2026-01-31T12:00:00.000Z', status: 'failed', errorCode: 'timeout' }], hours(NOW, 1));
  expect(classesOf(unanswered)).toEqual([NO_ANSWER]);
  expect(ofClass(unanswered[0] as Bucket, NO_ANSWER)).toBe(1);
  expect(buckets.map((one) => ofClass(one, '5xx'))).toEqual([1, 1]);
});

test('a percentile is a value that was measured', () => {
  expect([percentile([], 0.5), percentile([5], 0.95), percentile([1, 2, 3, 4], 0.5), percentile([1, 2, 3, 4], 0.95)]).toEqual([undefined, 5, 2, 4]);
});
