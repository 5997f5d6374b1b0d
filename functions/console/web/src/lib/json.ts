/**
 * JSON that keeps what was written: numbers as their digits, members in their order and twice if
 * they are there twice. `JSON.parse` would show 98.50 as 98.5 and 12345678901234567890 as another
 * number, and the page shows what was sent.
 */

export interface JsonNode {
  kind: 'object' | 'array' | 'string' | 'number' | 'word';
  /** Where it stands in the text. */
  start: number;
  end: number;
  /** A string without its escapes; a number, `true`, `false` or `null` as written. */
  text: string;
  /** What an object or array holds. */
  members: Member[];
  /** How many nodes it has, itself counted. */
  size: number;
}

export interface Member {
  /** A member's name, or the place in an array. */
  key: string | number;
  value: JsonNode;
}

/** More levels are not shown as a tree. Postel accepts 128, and an envelope adds a few. */
const MAX_LEVELS = 256;

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const BLANK = /[ \t\n\r]*/y;
const WORD = /true|false|null/y;

class Broken extends Error {}

class Parser {
  private at = 0;

  constructor(private readonly text: string) {}

  whole(): JsonNode {
    const node = this.value(0);
    this.match(BLANK);
    if (this.at !== this.text.length) throw new Broken();
    return node;
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) this.at += found.length;
    return found;
  }

  private take(character: string): boolean {
    this.match(BLANK);
    if (this.text[this.at] !== character) return false;
    this.at += 1;
    return true;
  }

  private string(): string {
    this.match(BLANK);
    const start = this.at;
    const end = closingQuote(this.text, start);
    if (end === undefined) throw new Broken();
    this.at = end;
    const source = this.text.slice(start, end);
    if (!source.includes('\\')) return source.slice(1, -1);
    try {
      return JSON.parse(source) as string;
    } catch {
      throw new Broken();
    }
  }

  private value(level: number): JsonNode {
    if (level > MAX_LEVELS) throw new Broken();
    this.match(BLANK);
    const start = this.at;
    const node = (kind: JsonNode['kind'], text: string, members: Member[] = []): JsonNode => {
      let size = 1;
      for (const member of members) size += member.value.size;
      return { kind, start, end: this.at, text, members, size };
    };
    const first = this.text[start];
    if (first === '{') return node('object', '', this.object(level));
    if (first === '[') return node('array', '', this.array(level));
    if (first === '"') {
      const text = this.string();
      return node('string', text);
    }
    const number = this.match(NUMBER);
    if (number !== undefined) return node('number', number);
    const word = this.match(WORD);
    if (word !== undefined) return node('word', word);
    throw new Broken();
  }

  private object(level: number): Member[] {
    this.at += 1;
    const members: Member[] = [];
    if (this.take('}')) return members;
    do {
      const key = this.string();
      if (!this.take(':')) throw new Broken();
      members.push({ key, value: this.value(level + 1) });
    } while (this.take(','));
    if (!this.take('}')) throw new Broken();
    return members;
  }

  private array(level: number): Member[] {
    this.at += 1;
    const members: Member[] = [];
    if (this.take(']')) return members;
    do {
      members.push({ key: members.length, value: this.value(level + 1) });
    } while (this.take(','));
    if (!this.take(']')) throw new Broken();
    return members;
  }
}

/** Where a string ends that begins at `start`; `undefined` if it is none. */
function closingQuote(text: string, start: number): number | undefined {
  if (text[start] !== '"') return undefined;
  for (let at = start + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x22) return at + 1;
    if (code === 0x5c) at += 1;
    else if (code < 0x20) return undefined;
  }
  return undefined;
}

/** The text as JSON; `undefined` if it is none, or nested too deeply for a tree. */
export function parseJson(text: string): JsonNode | undefined {
  try {
    return new Parser(text).whole();
  } catch (error) {
    if (error instanceof Broken) return undefined;
    throw error;
  }
}

/** A member of a JSON object as it is written there. */
export function sourceOf(text: string, name: string): string | undefined {
  const member = parseJson(text)?.members.find(({ key }) => key === name);
  return member && text.slice(member.value.start, member.value.end);
}
