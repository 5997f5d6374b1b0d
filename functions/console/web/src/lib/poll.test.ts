import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { isSettled, poll } from './poll';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('waiting for what a person has asked for', () => {
  it('asks every two seconds until it is settled', async () => {
    const answers = [1, 2, 3, 4];
    const ask = vi.fn(() => Promise.resolve(answers.shift() ?? 0));
    const result = poll(ask, (answer) => answer === 3);
    await vi.advanceTimersByTimeAsync(1999);
    expect(ask).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(4001);
    await expect(result).resolves.toBe(3);
    expect(ask).toHaveBeenCalledTimes(3);
  });

  it('gives up after a minute', async () => {
    const ask = vi.fn(() => Promise.resolve(1));
    const result = poll(ask, () => false);
    await vi.advanceTimersByTimeAsync(120_000);
    await expect(result).resolves.toBeUndefined();
    expect(ask).toHaveBeenCalledTimes(30);
  });

  it('goes on after a failed question', async () => {
    const ask = vi.fn(() => Promise.resolve('there')).mockRejectedValueOnce(new Error('offline'));
    const result = poll(ask, () => true);
    await vi.advanceTimersByTimeAsync(4000);
    await expect(result).resolves.toBe('there');
  });

  it('ends when the page is left', async () => {
    const control = new AbortController();
    const ask = vi.fn(() => Promise.resolve(1));
    const result = poll(ask, () => true, { signal: control.signal });
    control.abort();
    await vi.advanceTimersByTimeAsync(10_000);
    await expect(result).resolves.toBeUndefined();
    expect(ask).not.toHaveBeenCalled();
  });
});

describe('a retry', () => {
  const failed = { status: 'failed', attempts: 3 };
  it.each([
    [{ status: 'failed', attempts: 3, manualAttemptWaiting: true }, false],
    [{ status: 'failed', attempts: 3 }, false],
    [{ status: 'processing', attempts: 4 }, false],
    [{ status: 'completed', attempts: 4 }, true],
    [{ status: 'failed', attempts: 4 }, true],
    [{ status: 'retrying', attempts: 4 }, true],
  ])('%j is settled: %s', (now, settled) => {
    expect(isSettled(failed, now)).toBe(settled);
  });
});
