// How far a redrive is, how fast it goes, and when it will end.

export interface Counted {
  total: number;
  done: number;
  failed: number;
  skipped: number;
}

export interface Sample {
  /** ms */
  at: number;
  through: number;
}

/** How many it has dealt with. */
export const through = ({ done, failed, skipped }: Counted): number => done + failed + skipped;

/** The total is a lower bound where there were too many to count: it is never less than what is through. */
export const totalOf = (counted: Counted): number => Math.max(counted.total, through(counted));

export const left = (counted: Counted): number => totalOf(counted) - through(counted);

/** Between 0 and 1. */
export function share(counted: Counted): number {
  const total = totalOf(counted);
  return total === 0 ? 1 : through(counted) / total;
}

const WINDOW = 60_000;

/** The samples with one more; those of more than a minute ago go, but for the last of them. */
export function sampled(samples: readonly Sample[], sample: Sample): Sample[] {
  const recent = samples.filter(({ at }) => sample.at - at <= WINDOW && at < sample.at);
  return [...recent, sample];
}

/** How many a second, over the last minute; `undefined` before it can be told. */
export function measuredRate(samples: readonly Sample[]): number | undefined {
  const first = samples[0];
  const last = samples[samples.length - 1];
  if (first === undefined || last === undefined || last.at - first.at < 1000) return undefined;
  return (last.through - first.through) / ((last.at - first.at) / 1000);
}

/** The seconds that are left at this rate. */
export function secondsLeft(counted: Counted, rate: number | undefined): number | undefined {
  if (rate === undefined || rate <= 0) return undefined;
  return Math.ceil(left(counted) / rate);
}
