// The numbers behind a chart.

/** The end of an axis: 1, 2 or 5 times a power of ten, at least `least`. */
export function niceMax(highest: number, least = 1): number {
  const value = Math.max(highest, least);
  const power = 10 ** Math.floor(Math.log10(value));
  return (([1, 2, 5].find((step) => step * power >= value) ?? 10) as number) * power;
}

/** Where each part of a stack begins and ends. */
export function stack(values: readonly (number | null)[]): [number, number][] {
  let at = 0;
  return values.map((value) => {
    const from = at;
    at += value ?? 0;
    return [from, at];
  });
}

/** The unbroken runs of a line; a value that is not there ends a run. */
export function runsOf(values: readonly (number | null)[]): { at: number; value: number }[][] {
  const runs: { at: number; value: number }[][] = [];
  values.forEach((value, at) => {
    if (value === null) return;
    if (at > 0 && values[at - 1] !== null && runs.length > 0) runs[runs.length - 1]?.push({ at, value });
    else runs.push([{ at, value }]);
  });
  return runs;
}

/** Which of `count` columns get a label, so that labels of `width` px do not touch. */
export function labelled(count: number, space: number, width: number): (at: number) => boolean {
  const every = Math.max(1, Math.ceil((count * width) / Math.max(space, 1)));
  return (at) => at % every === 0;
}
