/**
 * A request as a command for a POSIX shell with curl. The parts come from strangers, so all of them
 * are single-quoted, and the command has no control or invisible character: a pasted one would act
 * on the terminal before the shell sees its quotes.
 */
import { safeLine } from './safe-text';

export interface SentRequest {
  method: string;
  url: string;
  headers: Readonly<Record<string, string>>;
  body?: string;
}

/** Headers that curl makes itself; a second one would contradict it. */
const MADE_BY_CURL = new Set(['host', 'content-length', 'transfer-encoding', 'connection', 'expect']);

/** Whether the text has a control or invisible character. */
const hasInvisible = (text: string): boolean => safeLine(text) !== text;

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** The text as one word of the shell. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Without what cannot be seen. */
function plain(text: string): string {
  if (!hasInvisible(text)) return text;
  return [...text].filter((character) => !hasInvisible(character)).join('');
}

/** The text as a format of `printf`, byte for byte, in characters that can be seen. */
function printfFormat(text: string): string {
  const encoder = new TextEncoder();
  let format = '';
  for (const character of text) {
    if (character === '\\') format += '\\\\';
    else if (character === '%') format += '%%';
    else if (hasInvisible(character)) {
      for (const byte of encoder.encode(character)) {
        format += `\\${byte.toString(8).padStart(3, '0')}`;
      }
    } else format += character;
  }
  return format;
}

function headerArgument(name: string, value: string): string | undefined {
  // curl reads a file for `-H @name`, and takes `name:` as "leave this header out".
  if (!TOKEN.test(name) || MADE_BY_CURL.has(name.toLowerCase())) return undefined;
  const said = plain(value).trim();
  return `--header ${quoted(said === '' ? `${name};` : `${name}: ${said}`)}`;
}

/** The command. The body is the same, byte for byte; a masked header stays masked. */
export function curl(request: SentRequest): string {
  const method = TOKEN.test(request.method) ? request.method : 'POST';
  const parts = [`curl --request ${quoted(method)}`];
  // Brackets and braces are a pattern to curl.
  if (/[[\]{}]/.test(request.url)) parts.push('--globoff');
  parts.push(`--url ${quoted(plain(request.url))}`);
  for (const [name, value] of Object.entries(request.headers)) {
    const header = headerArgument(name, value);
    if (header !== undefined) parts.push(header);
  }
  let before = '';
  if (request.body !== undefined) {
    if (hasInvisible(request.body)) {
      before = `printf ${quoted(printfFormat(request.body))} | `;
      parts.push('--data-binary @-');
    } else {
      // Not --data, which takes a body that begins with @ for a file's name.
      parts.push(`--data-raw ${quoted(request.body)}`);
    }
  }
  return before + parts.join(' \\\n  ');
}
