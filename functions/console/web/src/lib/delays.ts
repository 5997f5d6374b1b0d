// Delays as people write them: `5 s, 5 min, 2 h, 1 d`, or plain seconds.

const UNITS: Record<string, number> = { s: 1, sec: 1, m: 60, min: 60, h: 3600, d: 86_400, t: 86_400 };

/** Undefined if it cannot be read. */
export function delayOf(text: string): number | undefined {
  const found = /^(\d+(?:[.,]\d+)?)\s*([a-z]*)$/i.exec(text.trim());
  const unit = UNITS[found?.[2]?.toLowerCase() || 's'];
  if (found?.[1] === undefined || unit === undefined) return undefined;
  const seconds = Number(found[1].replace(',', '.')) * unit;
  return Number.isInteger(seconds) ? seconds : undefined;
}

/** A list, separated by commas with a space, semicolons or line ends. */
export function delaysOf(text: string): number[] | undefined {
  const parts = text.split(/,\s+|,$|[;\n]/).map((part) => part.trim()).filter((part) => part !== '');
  const delays = parts.map(delayOf);
  return delays.every((delay): delay is number => delay !== undefined) ? delays : undefined;
}

export function delayText(seconds: number): string {
  if (seconds !== 0 && seconds % 86_400 === 0) return `${seconds / 86_400} d`;
  if (seconds !== 0 && seconds % 3600 === 0) return `${seconds / 3600} h`;
  if (seconds !== 0 && seconds % 60 === 0) return `${seconds / 60} min`;
  return `${seconds} s`;
}

export const delaysText = (delays: number[]): string => delays.map(delayText).join(', ');
