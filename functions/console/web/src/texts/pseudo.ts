// English, longer by 40 % and marked at both ends: shows texts that are cut or not in `texts`.

const ACCENTS: Record<string, string> = { a: 'á', e: 'é', i: 'í', o: 'ó', u: 'ú', A: 'Á', E: 'É', I: 'Í', O: 'Ó', U: 'Ú' };

function longer(text: string): string {
  return `[${text.replace(/[aeiouAEIOU]/g, (char) => ACCENTS[char] ?? char)}${'~'.repeat(Math.ceil(text.length * 0.4))}]`;
}

export function pseudo<T>(value: T): T {
  if (typeof value === 'string') return longer(value) as T;
  if (typeof value === 'function') return ((...args: unknown[]) => pseudo((value as unknown as (...args: unknown[]) => unknown)(...args))) as T;
  if (Array.isArray(value)) return value.map((one: unknown) => pseudo(one)) as T;
  if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, pseudo(one)])) as T;
  return value;
}
