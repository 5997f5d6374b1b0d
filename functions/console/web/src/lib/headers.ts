/** Reads the headers of a request in the forms in which people find them. */

export interface Header {
  name: string;
  value: string;
}

/** Lines of a request or of curl, a JSON object, or a dump of a server's variables. */
export function parseHeaders(pasted: string): Header[] {
  const text = pasted.trim();
  const parsed = text.startsWith('{') || text.startsWith('[') ? fromJson(text) : null;
  const found = parsed ?? text.split(/\r?\n/).flatMap(fromLine);
  return found.map(({ name, value }) => ({ name: plainName(name), value: value.trim() })).filter(({ name }) => name !== '');
}

export function header(headers: readonly Header[], name: string): string | undefined {
  return headers.find((one) => one.name.toLowerCase() === name.toLowerCase())?.value;
}

function fromJson(text: string): Header[] | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (Array.isArray(value)) {
    return value.flatMap((one: unknown) => {
      if (Array.isArray(one) && one.length === 2) return [{ name: String(one[0]), value: String(one[1]) }];
      if (typeof one !== 'object' || one === null) return [];
      const { name, key, value: text } = one as Record<string, unknown>;
      return [{ name: String(name ?? key ?? ''), value: String(text ?? '') }];
    });
  }
  return Object.entries(value as Record<string, unknown>).map(([name, one]) => ({
    name,
    value: Array.isArray(one) ? one.join(' ') : String(one),
  }));
}

function fromLine(line: string): Header[] {
  let text = line.trim().replace(/\s*\\$/, '');
  const curl = /^(?:-H|--header)\s+(['"])(.*)\1$/.exec(text);
  if (curl) text = curl[2] ?? '';
  // A request's line has a colon in its address; curl's own line and a pseudo-header have no name.
  const match = /^['"]?([!#$%&'*+.^_`|~0-9A-Za-z-]+?)['"]?\s*(?::|=>|=)\s*(.*?),?$/.exec(text);
  if (!match) return [];
  return [{ name: match[1] ?? '', value: (match[2] ?? '').replace(/^(['"])(.*)\1$/, '$2') }];
}

/** `HTTP_X_WEBHOOK_SIGNATURE`, as WSGI, Rack and PHP name it, is `x-webhook-signature`. */
function plainName(name: string): string {
  return /^HTTP_[A-Z0-9_]+$/.test(name) ? name.slice(5).replaceAll('_', '-').toLowerCase() : name.trim();
}
