// Text of strangers, as text that cannot trick the eye: control, bidi, zero-width and other
// invisible characters are shown as escapes. The page shows it in text nodes only.

// C0 and C1 controls, soft hyphen, combining grapheme joiner, Arabic letter mark, Hangul fillers,
// Mongolian separators, zero-width and bidi marks, line separators, invisible operators, variation
// selectors, byte order mark, interlinear marks, tags, and unpaired surrogates.
const HIDDEN =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]|[\ud800-\udfff]/gu;
const LINE_ENDS = /[\t\n]/g;

function escaped(char: string): string {
  const code = char.codePointAt(0) ?? 0;
  return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, '0')}`;
}

/** For one line: a name, a URL, an id. Tabs and line ends are escaped as well. */
export function safeLine(text: string): string {
  return text.replace(HIDDEN, escaped).replace(LINE_ENDS, (char) => (char === '\n' ? '\\n' : '\\t'));
}

/** For a block: tabs and line ends stay, a CR before an LF goes. */
export function safeBlock(text: string): string {
  return text.replace(/\r\n/g, '\n').replace(HIDDEN, escaped);
}

/** Cuts in the middle; both ends tell more than the middle. */
export function middle(text: string, max: number): string {
  const chars = Array.from(text);
  if (chars.length <= max) return text;
  const head = Math.ceil((max - 1) / 2);
  return `${chars.slice(0, head).join('')}…${chars.slice(chars.length - (max - 1 - head)).join('')}`;
}

export interface UrlParts {
  /** `http://` if it is not https, otherwise empty. */
  scheme: string;
  host: string;
  path: string;
}

/** A URL with its host set off. A URL that cannot be read is all path. */
export function urlParts(raw: string): UrlParts {
  try {
    const url = new URL(raw);
    if (url.host === '') return { scheme: '', host: '', path: safeLine(raw) };
    return { scheme: url.protocol === 'https:' ? '' : `${url.protocol}//`, host: safeLine(url.host), path: safeLine(`${url.pathname}${url.search}`.replace(/^\/$/, '')) };
  } catch {
    return { scheme: '', host: '', path: safeLine(raw) };
  }
}
