/** Rows as CSV (RFC 4180) that a spreadsheet shows and never runs. */

/** What a spreadsheet takes for a formula, also behind blanks; or for the end of a cell. */
const FORMULA = /^[\s\p{Cf}"']*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/u;

/** A plain number is no formula: `-3` stays a number. */
const NUMBER = /^-?\d+(\.\d+)?$/;

/** One cell, quoted. A text that would be a formula begins with an apostrophe. */
export function csvCell(value: string | number | boolean | null | undefined): string {
  const text = value === null || value === undefined ? '' : String(value);
  const safe = FORMULA.test(text) && !NUMBER.test(text) ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
}

/** The whole file. */
export function csv(header: readonly string[], rows: readonly (readonly (string | number | boolean | null | undefined)[])[]): string {
  return [header, ...rows].map((row) => `${row.map(csvCell).join(',')}\r\n`).join('');
}
