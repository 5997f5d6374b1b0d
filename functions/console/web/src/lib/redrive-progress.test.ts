import { describe, expect, it } from 'vitest';
import { left, measuredRate, sampled, secondsLeft, share, totalOf } from './redrive-progress';

const half = { total: 500, done: 200, failed: 30, skipped: 20 };

describe('the progress of a redrive', () => {
  it('counts what is through, whatever came of it', () => {
    expect(share(half)).toBe(0.5);
    expect(left(half)).toBe(250);
  });

  it('takes the total for a lower bound', () => {
    const more = { total: 100, done: 150, failed: 0, skipped: 0 };
    expect(totalOf(more)).toBe(150);
    expect(left(more)).toBe(0);
    expect(share(more)).toBe(1);
  });

  it('is whole if there is nothing to do', () => {
    expect(share({ total: 0, done: 0, failed: 0, skipped: 0 })).toBe(1);
  });

  it('measures its rate over the last minute', () => {
    let samples = sampled([], { at: 0, through: 0 });
    expect(measuredRate(samples)).toBeUndefined();
    samples = sampled(samples, { at: 2000, through: 100 });
    expect(measuredRate(samples)).toBe(50);
    samples = sampled(samples, { at: 61_000, through: 100 });
    expect(samples[0]?.at).toBe(2000);
    expect(measuredRate(samples)).toBe(0);
  });

  it('estimates the end, and says nothing while it stands still', () => {
    expect(secondsLeft(half, 50)).toBe(5);
    expect(secondsLeft(half, 0)).toBeUndefined();
    expect(secondsLeft(half, undefined)).toBeUndefined();
  });
});
