/**
 * Verifies a delivery where it is pasted: nothing leaves the page. If the parts do not belong
 * together, the usual mistakes are tried one after the other, and the one that explains the
 * signature is named.
 */

import { BUILTIN, isoHeader, type Scheme, type SigningContract } from './contracts';
import { base64Of, equal, fromBase64, fromHex, hexOf, joined, textOf, utf8, type Bytes } from './bytes';
import { header, type Header } from './headers';

/** How long a timestamp is valid: the tolerance of the samples, in seconds. */
export const TOLERANCE = 300;

export type BodyChange = 'edges' | 'line_ends' | 'compact' | 'rewritten' | 'spaced' | 'indented' | 'escaped' | 'unescaped' | 'sorted';
export type SecretChange = 'edges' | 'quotes' | 'prefix_missing' | 'prefix_extra' | 'decoded' | 'not_decoded' | 'hex';
export type SignatureChange = 'prefix_missing' | 'prefix_extra' | 'hex' | 'base64' | 'upper_case';

/** One difference between what was given and what explains the signature. */
export type Change =
  | { part: 'body'; how: BodyChange }
  | { part: 'secret'; how: SecretChange }
  | { part: 'text'; signed: string }
  | { part: 'algorithm'; name: string }
  | { part: 'signature'; how: SignatureChange };

export type Verdict =
  /** Something is not there that the check needs. */
  | { result: 'missing'; what: 'secret' | 'body' | 'headers' | 'unsupported' }
  /** The contract signs nothing. */
  | { result: 'unsigned' }
  /** The secret cannot be one of this contract. */
  | { result: 'bad_secret' }
  /** The contract's header is not there; another contract's may be. */
  | { result: 'no_header'; header: string; other?: { contract: string; header: string } }
  /** A header that is part of the signed text is not there. */
  | { result: 'no_part'; header: string }
  /** The header does not have a signature's form. */
  | { result: 'malformed'; header: string; example: string }
  /** All parts belong together. `age` in seconds, if the contract signs the time. */
  | { result: 'genuine'; age?: number; expected: string }
  /** These changes explain the signature. */
  | { result: 'mistake'; changes: Change[]; expected: string }
  /** No usual mistake explains it: another secret, or another body. */
  | { result: 'other'; expected: string };

export interface Delivery {
  secret: string;
  headers: readonly Header[];
  body: Bytes;
}

interface Candidate<C> {
  changes: C[];
  bytes: Bytes;
}

/** Checks a delivery against a contract. `now` in milliseconds; `tries`: names a mistake if it can. */
export async function verify(contract: SigningContract, delivery: Delivery, now: number, tries = true): Promise<Verdict> {
  const scheme = contract.signature;
  if (!scheme) return { result: 'unsigned' };
  const early = incomplete(delivery);
  if (early) return early;
  const [key] = ownKeys(delivery.secret, scheme.secret);
  if (!key) return { result: 'bad_secret' };
  const value = header(delivery.headers, scheme.header);
  if (value === undefined) return { result: 'no_header', header: scheme.header, ...otherContract(delivery.headers, contract) };
  const moment = momentOf(contract, delivery.headers);
  const absent = partMissing(scheme.signedText, moment);
  if (absent) return { result: 'no_part', header: absent };
  const sent = (scheme.several ? value.split(/\s+/) : [value]).flatMap((one) => signaturesOf(one, scheme));
  const expected = await expectedOf(scheme, key.bytes, moment, delivery.body);
  if (sent.length === 0) return { result: 'malformed', header: scheme.header, example: expected };
  const genuine = sent.some((one) => one.changes.length === 0 && expected === written(scheme, one.bytes)) && key.changes.length === 0;
  const changes = genuine ? [] : tries ? await explain(scheme, delivery, moment, sent) : null;
  if (changes === null) return { result: 'other', expected };
  if (changes.length > 0) return { result: 'mistake', changes, expected };
  const timed = /\{timestamp\}/.test(scheme.signedText);
  return { result: 'genuine', expected, ...(timed && { age: now / 1000 - Number(moment.timestamp) }) };
}

/** Says what a receiver's code did to come to `computed`. */
export async function explainComputed(contract: SigningContract, delivery: Delivery, computed: string): Promise<Change[] | null> {
  const scheme = contract.signature;
  if (!scheme || incomplete(delivery)) return null;
  const moment = momentOf(contract, delivery.headers);
  return explain(scheme, delivery, moment, signaturesOf(computed.trim(), scheme));
}

function incomplete({ secret, headers, body }: Delivery): Verdict | null {
  if (globalThis.crypto?.subtle === undefined) return { result: 'missing', what: 'unsupported' };
  if (secret.trim() === '') return { result: 'missing', what: 'secret' };
  if (headers.length === 0) return { result: 'missing', what: 'headers' };
  return body.length === 0 ? { result: 'missing', what: 'body' } : null;
}

function otherContract(headers: readonly Header[], mine: SigningContract): { other?: { contract: string; header: string } } {
  const other = BUILTIN.find((one) => one.name !== mine.name && one.signature && header(headers, one.signature.header) !== undefined);
  return other?.signature ? { other: { contract: other.name, header: other.signature.header } } : {};
}

interface Moment {
  id?: string;
  timestamp?: string;
  timestampIso?: string;
}

function momentOf(contract: SigningContract, headers: readonly Header[]): Moment {
  const timestamp = header(headers, 'webhook-timestamp');
  const named = isoHeader(contract);
  const seconds = /^\d{1,11}$/.test(timestamp ?? '') ? Number(timestamp) : undefined;
  return {
    id: header(headers, 'webhook-id'),
    timestamp,
    timestampIso: named ? header(headers, named) : seconds === undefined ? undefined : new Date(seconds * 1000).toISOString(),
  };
}

function partMissing(template: string, moment: Moment): string | null {
  if (template.includes('{id}') && moment.id === undefined) return 'webhook-id';
  return /\{timestamp(Iso)?\}/.test(template) && moment.timestamp === undefined ? 'webhook-timestamp' : null;
}

/** The bytes that are signed. */
export function signedBytes(template: string, moment: Moment, body: Bytes): Bytes {
  return joined(
    template.split(/(\{(?:id|timestamp|timestampIso|body)\})/).map((part) => {
      if (part === '{body}') return body;
      const name = /^\{(id|timestamp|timestampIso)\}$/.exec(part)?.[1] as keyof Moment | undefined;
      return utf8(name ? (moment[name] ?? '') : part);
    }),
  );
}

async function hmac(algorithm: string, key: Bytes, text: Bytes): Promise<Bytes> {
  const imported = await crypto.subtle.importKey('raw', key, { name: 'HMAC', hash: algorithm }, false, ['sign']);
  return new Uint8Array(await crypto.subtle.sign('HMAC', imported, text));
}

async function expectedOf(scheme: Scheme, key: Bytes, moment: Moment, body: Bytes): Promise<string> {
  const bytes = await hmac('SHA-256', key, signedBytes(scheme.signedText, moment, body));
  return written(scheme, bytes);
}

function written(scheme: Scheme, bytes: Bytes): string {
  return (scheme.prefix ?? '') + (scheme.encoding === 'hex' ? hexOf(bytes) : base64Of(bytes));
}

const ALGORITHMS: Record<number, string> = { 20: 'SHA-1', 32: 'SHA-256', 64: 'SHA-512' };

/** The bytes of a signature as it is written, and what is wrong with how it is written. */
function signaturesOf(value: string, scheme: Scheme): Candidate<Change>[] {
  const prefix = scheme.prefix ?? '';
  const wrong = (how: SignatureChange): Change => ({ part: 'signature', how });
  const changes: Change[] = [];
  let bare = value;
  if (value.startsWith(prefix)) bare = value.slice(prefix.length);
  else changes.push(wrong('prefix_missing'));
  const extra = /^(?:[a-z0-9]+=|v\d+a?,)(?=.)/i.exec(bare)?.[0];
  if (extra && fromHex(bare) === null) {
    bare = bare.slice(extra.length);
    if (changes.length === 0) changes.push(wrong('prefix_extra'));
  }
  const hex = fromHex(bare);
  if (hex && ALGORITHMS[hex.length]) {
    if (scheme.encoding !== 'hex') changes.push(wrong('hex'));
    else if (bare !== bare.toLowerCase()) changes.push(wrong('upper_case'));
    return [{ changes, bytes: hex }];
  }
  const base64 = fromBase64(bare);
  if (base64 && ALGORITHMS[base64.length]) {
    return [{ changes: scheme.encoding === 'base64' ? changes : [...changes, wrong('base64')], bytes: base64 }];
  }
  return [];
}

/** The fewest changes that lead to one of the signatures; null if none do. */
async function explain(scheme: Scheme, delivery: Delivery, moment: Moment, sent: Candidate<Change>[]): Promise<Change[] | null> {
  const bodies = bodiesOf(delivery.body);
  const keys = keysOf(delivery.secret, scheme.secret);
  const texts = textsOf(scheme.signedText);
  const attempts = bodies.flatMap((body) =>
    keys.flatMap((key) => texts.map((text) => ({ body, key, text, count: body.changes.length + key.changes.length + text.changes.length }))),
  );
  attempts.sort((a, b) => a.count - b.count);
  for (const { body, key, text } of attempts) {
    const signed = signedBytes(text.template, moment, body.bytes);
    for (const signature of sent) {
      const algorithm = ALGORITHMS[signature.bytes.length] ?? 'SHA-256';
      if (!equal(await hmac(algorithm, key.bytes, signed), signature.bytes)) continue;
      const other: Change[] = algorithm === 'SHA-256' ? [] : [{ part: 'algorithm', name: algorithm }];
      return [...body.changes, ...key.changes, ...text.changes, ...other, ...signature.changes];
    }
  }
  return null;
}

const TEXTS = ['{body}', '{id}.{timestamp}.{body}', '{timestamp}.{body}', '{id}.{body}', '{timestamp}{body}', '{timestampIso}.{body}'];

function textsOf(template: string): { changes: Change[]; template: string }[] {
  const others = TEXTS.filter((one) => one !== template);
  return [{ changes: [], template }, ...others.map((one): { changes: Change[]; template: string } => ({ changes: [{ part: 'text', signed: one }], template: one }))];
}

const PREFIX = /^whsec_/;
const unquoted = (secret: string) => secret.trim().replace(/^(['"`])(.*)\1$/s, '$2');

function distinct(candidates: (Candidate<Change> | null)[]): Candidate<Change>[] {
  const kept: Candidate<Change>[] = [];
  for (const one of candidates) {
    if (one && one.bytes.length > 0 && !kept.some((other) => equal(other.bytes, one.bytes))) kept.push(one);
  }
  return kept;
}

const key = (bytes: Bytes | null, ...hows: SecretChange[]): Candidate<Change> | null =>
  bytes && { changes: hows.map((how) => ({ part: 'secret', how })), bytes };

/** The keys of a secret as the contract reads it: as given, and without what pasting adds. */
function ownKeys(secret: string, form: string): Candidate<Change>[] {
  const read = (text: string) => {
    if (form !== 'whsec') return utf8(text);
    const bytes = fromBase64(text.replace(PREFIX, ''));
    return bytes && bytes.length >= 24 && bytes.length <= 64 ? bytes : null;
  };
  return distinct([key(read(secret)), key(read(secret.trim()), 'edges'), key(read(unquoted(secret)), 'quotes')]);
}

/** The contract's own keys, then those that a program may make of the secret by mistake. */
function keysOf(secret: string, form: string): Candidate<Change>[] {
  const whole = unquoted(secret);
  const bare = whole.replace(PREFIX, '');
  const others =
    form === 'whsec'
      ? [key(utf8(whole), 'not_decoded'), key(utf8(bare), 'not_decoded', 'prefix_missing')]
      : [key(utf8(`whsec_${bare}`), 'prefix_missing'), key(utf8(bare), 'prefix_extra'), key(fromBase64(bare), 'decoded')];
  return distinct([...ownKeys(secret, form), ...others, key(fromHex(bare), 'hex')]);
}

/** The body as it was given, and as other programs would have written or read it. */
function bodiesOf(body: Bytes): Candidate<Change>[] {
  const found: Candidate<Change>[] = [{ changes: [], bytes: body }];
  const given = textOf(body);
  if (given === null) return found;
  const add = (text: string | null, how: BodyChange) => {
    if (text === null) return;
    const bytes = utf8(text);
    if (!found.some((one) => equal(one.bytes, bytes))) found.push({ changes: [{ part: 'body', how }], bytes });
  };
  const text = given.replace(/^\uFEFF/, '');
  add(text.trim(), 'edges');
  add(`${text}\n`, 'edges');
  add(text.replaceAll('\r\n', '\n'), 'line_ends');
  add(text.replace(/\r?\n/g, '\r\n'), 'line_ends');
  const compact = compactJson(text);
  add(compact, 'compact');
  add(unescaped(compact), 'unescaped');
  const value = parsed(text);
  if (value === undefined || text.length > 300_000) return found;
  const rewritten = JSON.stringify(value);
  add(rewritten, 'rewritten');
  add(escaped(compact), 'escaped');
  const spaced = compactJson(text, ', ', ': ');
  add(spaced, 'spaced');
  add(escaped(spaced), 'spaced');
  for (const indent of [2, 4, '\t']) add(JSON.stringify(value, null, indent), 'indented');
  add(JSON.stringify(sorted(value)), 'sorted');
  return found;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** The text of JSON without the spaces between its tokens: numbers and escapes stay as they are. */
function compactJson(text: string, comma = ',', colon = ':'): string | null {
  if (parsed(text) === undefined) return null;
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[^\s"]/g) ?? [];
  return tokens.map((token) => (token === ',' ? comma : token === ':' ? colon : token)).join('');
}

/** Non-ASCII characters as `\u` escapes, as Python and PHP write them. */
const escaped = (text: string | null) =>
  text?.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`) ?? null;

/** `\u` escapes of printable characters and `\/` as the characters themselves. */
const unescaped = (text: string | null) =>
  text?.replace(/\\(?:u([0-9a-fA-F]{4})|(\/)|(.))/gs, (all, code: string | undefined, slash: string | undefined) => {
    if (slash) return slash;
    const unit = code ? Number.parseInt(code, 16) : 0;
    return unit >= 0x80 ? String.fromCharCode(unit) : all;
  }) ?? null;

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return Object.fromEntries(entries.map(([name, one]) => [name, sorted(one)]));
}
