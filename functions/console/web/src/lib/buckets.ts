// Counts over time: from the API's buckets, or from a list of deliveries where the API has none.

export interface Bucket {
  start: string;
  completed: number;
  failed: number;
  pending: number;
  inProgress: number;
  /** By status of the last answer, or by the error where none came. */
  codes: Record<string, number>;
  latencyMs?: { p50?: number | null; p95?: number | null } | null;
}

export interface CountedDelivery {
  createdAt: string;
  status: string;
  lastResponseCode?: number;
  errorCode?: string;
  lastDurationMs?: number | null;
}

export const HOUR = 3_600_000;

/** The starts of the last `count` hours; the newest has `now` in it. */
export function hours(now: number, count: number): number[] {
  const last = Math.floor(now / HOUR) * HOUR;
  return Array.from({ length: count }, (_, at) => last - (count - 1 - at) * HOUR);
}

/** The smallest value that is not below the share `part` of all. */
export function percentile(sorted: readonly number[], part: number): number | undefined {
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)];
}

export function bucketsOf(deliveries: readonly CountedDelivery[], starts: readonly number[]): Bucket[] {
  const found = starts.map((start): Bucket & { took: number[] } => ({ start: new Date(start).toISOString(), completed: 0, failed: 0, pending: 0, inProgress: 0, codes: {}, took: [] }));
  const first = starts[0] ?? 0;
  for (const delivery of deliveries) {
    const bucket = found[Math.floor((Date.parse(delivery.createdAt) - first) / HOUR)];
    if (bucket === undefined) continue;
    const { status, lastDurationMs: took } = delivery;
    const code = delivery.lastResponseCode ?? delivery.errorCode;
    if (status === 'completed' || status === 'failed' || status === 'pending') bucket[status] += 1;
    else bucket.inProgress += 1;
    if (code !== undefined) bucket.codes[code] = (bucket.codes[code] ?? 0) + 1;
    if (typeof took === 'number') bucket.took.push(took);
  }
  return found.map(({ took, ...bucket }) => {
    took.sort((a, b) => a - b);
    return took.length === 0 ? bucket : { ...bucket, latencyMs: { p50: percentile(took, 0.5), p95: percentile(took, 0.95) } };
  });
}

/** What stands for all errors: no answer came. */
export const NO_ANSWER = 'none';

/** The classes of the codes: `2xx`, `4xx`, …, then [`NO_ANSWER`]. */
export function classesOf(buckets: readonly Bucket[]): string[] {
  const found = new Set(buckets.flatMap((one) => Object.keys(one.codes).map(classOf)));
  return [...found].sort();
}

export const classOf = (code: string): string => (/^[1-5]\d\d$/.test(code) ? `${code[0]}xx` : NO_ANSWER);

export function ofClass(bucket: Bucket, name: string): number {
  return Object.entries(bucket.codes).reduce((sum, [code, count]) => (classOf(code) === name ? sum + count : sum), 0);
}
