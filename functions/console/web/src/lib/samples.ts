// Code that verifies a delivery of a contract, in the languages of the pages. `docs/verifying.md`
// and the README have the same lines for their contracts, and the tests run all of them.

import { isoHeader, type Scheme, type SigningContract } from './contracts';

export const LANGUAGES = ['node', 'python', 'go'] as const;
export type Language = (typeof LANGUAGES)[number];

/** The sample; null if the contract signs nothing. */
export function sample(language: Language, contract: SigningContract): string | null {
  const { signature } = contract;
  if (!signature) return null;
  return WRITERS[language](signature, isoHeader(contract));
}

interface Piece {
  kind: 'text' | 'id' | 'timestamp' | 'timestampIso' | 'body';
  text: string;
}

function pieces(template: string): Piece[] {
  return template
    .split(/(\{(?:id|timestamp|timestampIso|body)\})/)
    .filter((part) => part !== '')
    .map((part): Piece => {
      const kind = /^\{(id|timestamp|timestampIso|body)\}$/.exec(part)?.[1];
      return kind === undefined ? { kind: 'text', text: part } : { kind: kind as Piece['kind'], text: '' };
    });
}

const bodyOnly = (scheme: Scheme): boolean => scheme.signedText === '{body}';
const timed = (scheme: Scheme): boolean => /\{timestamp\}/.test(scheme.signedText);
const lower = (name: string): string => name.toLowerCase();

/** Text before, between and after the bodies of the signed text, each as code of a language. */
function runs(scheme: Scheme, write: (run: Piece[]) => string, body: string): string[] {
  const parts: string[] = [];
  let run: Piece[] = [];
  for (const piece of [...pieces(scheme.signedText), { kind: 'body', text: 'end' } as const]) {
    if (piece.kind !== 'body') {
      run.push(piece);
      continue;
    }
    if (run.length > 0) parts.push(write(run));
    run = [];
    if (piece.text !== 'end') parts.push(body);
  }
  return parts;
}

function node(scheme: Scheme, iso: string | undefined): string {
  const escape = (text: string): string => text.replace(/[\\`]|\$\{/g, '\\$&');
  const part: Record<Piece['kind'], (piece: Piece) => string> = {
    text: ({ text }) => escape(text),
    id: () => '${headers["webhook-id"]}',
    timestamp: () => '${sent}',
    timestampIso: () => (iso === undefined ? '${new Date(sent * 1000).toISOString()}' : `\${headers[${JSON.stringify(lower(iso))}]}`),
    body: () => '',
  };
  const text = runs(scheme, (run) => `Buffer.from(\`${run.map((piece) => part[piece.kind](piece)).join('')}\`)`, 'body');
  const prefix = scheme.prefix ? `${JSON.stringify(scheme.prefix)} + ` : '';
  const whsec = scheme.secret === 'whsec';
  const signed = bodyOnly(scheme) ? 'body' : 'text';
  const name = JSON.stringify(lower(scheme.header));
  const needsTime = timed(scheme) || (scheme.signedText.includes('{timestampIso}') && iso === undefined);
  const lines = [
    ...(needsTime ? ['const sent = headers["webhook-timestamp"] ?? "";', 'if (!/^\\d+$/.test(sent) || Math.abs(Date.now() / 1000 - Number(sent)) > 300) return false;'] : []),
    ...(whsec ? ['const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");'] : []),
    ...(bodyOnly(scheme) ? [] : [`const text = Buffer.concat([${text.join(', ')}]);`]),
    `const expected = ${prefix}createHmac("sha256", ${whsec ? 'key' : 'secret'}).update(${signed}).digest("${scheme.encoding}");`,
    scheme.several ? `return (headers[${name}] ?? "").split(" ").some((signature) => equal(signature, expected));` : `return equal(headers[${name}] ?? "", expected);`,
  ];
  return `import { createHmac, timingSafeEqual } from "node:crypto";

const equal = (a, b) => Buffer.byteLength(a) === Buffer.byteLength(b) && timingSafeEqual(Buffer.from(a), Buffer.from(b));

// headers: as of node:http, names in lower case. body: the bytes that arrived, before they are parsed.
export function genuine(secret, headers, body) {
${lines.map((line) => `  ${line}`).join('\n')}
}
`;
}

/** A string of Python or Go in double quotes: JSON's escapes are valid in both. */
const quoted = (text: string): string => JSON.stringify(text).replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

function python(scheme: Scheme, iso: string | undefined): string {
  const escape = (text: string): string => quoted(text).slice(1, -1).replace(/[{}]/g, '$&$&');
  const isoNow = "{datetime.datetime.fromtimestamp(int(sent), datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%S.000Z')}";
  const part: Record<Piece['kind'], (piece: Piece) => string> = {
    text: ({ text }) => escape(text),
    id: () => "{headers.get('webhook-id')}",
    timestamp: () => '{sent}',
    timestampIso: () => (iso === undefined ? isoNow : `{headers.get('${lower(iso)}')}`),
    body: () => '',
  };
  const text = runs(scheme, (run) => `f"${run.map((piece) => part[piece.kind](piece)).join('')}".encode()`, 'body').join(' + ');
  const whsec = scheme.secret === 'whsec';
  const needsIso = scheme.signedText.includes('{timestampIso}') && iso === undefined;
  const needsTime = timed(scheme) || needsIso;
  const key = whsec ? 'key' : 'secret.encode()';
  const digest = `hmac.digest(${key}, ${bodyOnly(scheme) ? 'body' : 'text'}, "sha256")`;
  const written = scheme.encoding === 'hex' ? `${digest}.hex().encode()` : `base64.b64encode(${digest})`;
  const name = quoted(lower(scheme.header));
  const imports = [...(whsec || scheme.encoding === 'base64' ? ['base64'] : []), ...(needsIso ? ['datetime'] : []), 'hmac', ...(needsTime ? ['time'] : [])];
  const lines = [
    ...(needsTime ? ['sent = headers.get("webhook-timestamp", "")', 'if not sent.isdecimal() or abs(time.time() - int(sent)) > 300:', '    return False'] : []),
    ...(whsec ? ['key = base64.b64decode(secret.removeprefix("whsec_"))'] : []),
    ...(bodyOnly(scheme) ? [] : [`text = ${text}`]),
    `expected = ${scheme.prefix ? `b${quoted(scheme.prefix)} + ` : ''}${written}`,
    ...(scheme.several
      ? [`signatures = headers.get(${name}, "").split(" ")`, 'return any(hmac.compare_digest(expected, signature.encode()) for signature in signatures)']
      : [`return hmac.compare_digest(expected, headers.get(${name}, "").encode())`]),
  ];
  return `import ${imports.join(', ')}


# headers: names in lower case, or a mapping that ignores case. body: the bytes that arrived, before they are parsed.
def genuine(secret, headers, body):
${lines.map((line) => `    ${line}`).join('\n')}
`;
}

function go(scheme: Scheme, iso: string | undefined): string {
  const part: Record<Piece['kind'], (piece: Piece) => string> = {
    text: ({ text }) => quoted(text),
    id: () => 'headers.Get("webhook-id")',
    timestamp: () => 'sent',
    timestampIso: () => (iso === undefined ? 'time.Unix(seconds, 0).UTC().Format("2006-01-02T15:04:05.000Z")' : `headers.Get(${quoted(iso)})`),
    body: () => '',
  };
  const writes = runs(scheme, (run) => `mac.Write([]byte(${run.map((piece) => part[piece.kind](piece)).join(' + ')}))`, 'mac.Write(body)');
  const whsec = scheme.secret === 'whsec';
  const base64 = scheme.encoding === 'base64';
  const needsTime = timed(scheme) || (scheme.signedText.includes('{timestampIso}') && iso === undefined);
  const several = scheme.several === true;
  const imports = [
    'crypto/hmac',
    'crypto/sha256',
    ...(whsec || base64 ? ['encoding/base64'] : []),
    ...(base64 ? [] : ['encoding/hex']),
    'net/http',
    ...(needsTime ? ['strconv'] : []),
    ...(whsec || several ? ['strings'] : []),
    ...(needsTime ? ['time'] : []),
  ];
  const sum = base64 ? 'base64.StdEncoding.EncodeToString(mac.Sum(nil))' : 'hex.EncodeToString(mac.Sum(nil))';
  const name = quoted(scheme.header);
  const lines = [
    ...(needsTime
      ? [
          'sent := headers.Get("webhook-timestamp")',
          'seconds, err := strconv.ParseInt(sent, 10, 64)',
          'if age := time.Now().Unix() - seconds; err != nil || age > 300 || age < -300 {',
          '\treturn false',
          '}',
        ]
      : []),
    ...(whsec
      ? ['key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))', 'if err != nil {', '\treturn false', '}', 'mac := hmac.New(sha256.New, key)']
      : ['mac := hmac.New(sha256.New, []byte(secret))']),
    ...writes,
    `expected := []byte(${scheme.prefix ? `${quoted(scheme.prefix)} + ` : ''}${sum})`,
    ...(several
      ? [`for _, signature := range strings.Split(headers.Get(${name}), " ") {`, '\tif hmac.Equal([]byte(signature), expected) {', '\t\treturn true', '\t}', '}', 'return false']
      : [`return hmac.Equal([]byte(headers.Get(${name})), expected)`]),
  ];
  return `package main

import (
${imports.map((one) => `\t"${one}"`).join('\n')}
)

// genuine checks a delivery. body: the bytes that arrived, before they are parsed.
func genuine(secret string, headers http.Header, body []byte) bool {
${lines.map((line) => `\t${line}`).join('\n')}
}
`;
}

const WRITERS: Record<Language, (scheme: Scheme, iso: string | undefined) => string> = { node, python, go };
