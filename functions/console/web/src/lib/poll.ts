// Asks until it is settled: after a person has asked for something, the page waits for it.

export interface Poll {
  /** ms between two questions. */
  every?: number;
  /** ms after which it is given up. */
  atMost?: number;
  signal?: AbortSignal;
}

/** After a click on Retry: every 2 seconds, for a minute. */
export const RETRY_POLL: Required<Omit<Poll, 'signal'>> = { every: 2000, atMost: 60_000 };

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((done) => {
    if (signal?.aborted === true) return done();
    const timer = setTimeout(done, ms);
    signal?.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        done();
      },
      { once: true },
    );
  });
}

/**
 * The first answer that is settled; `undefined` if the time is over or somebody has ended it. One
 * failed question is not the end: the next may succeed.
 */
export async function poll<T>(
  ask: () => Promise<T>,
  settled: (answer: T) => boolean,
  { every = RETRY_POLL.every, atMost = RETRY_POLL.atMost, signal }: Poll = {},
): Promise<T | undefined> {
  const end = Date.now() + atMost;
  while (Date.now() + every <= end) {
    await pause(every, signal);
    if (signal?.aborted === true) return undefined;
    try {
      const answer = await ask();
      if (settled(answer)) return answer;
    } catch {
      // The frame shows that the server is not reached; the next question tells more.
    }
  }
  return undefined;
}

export interface Attempted {
  status: string;
  attempts: number;
  manualAttemptWaiting?: boolean;
}

/** Whether the attempt that was asked for has been made and has ended. */
export function isSettled(before: Attempted, now: Attempted): boolean {
  if (now.manualAttemptWaiting === true || now.attempts <= before.attempts) return false;
  return now.status !== 'pending' && now.status !== 'processing';
}
