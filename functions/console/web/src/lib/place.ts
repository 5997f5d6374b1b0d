// Where the page is: the API's address, and the paths below /portal/ and /console/.

export type PageKind = 'portal' | 'console';

export interface Place {
  /** What comes before /portal or /console: empty, or the path of the API's stage. */
  prefix: string;
  kind: PageKind;
  /** Ends with a slash. */
  root: string;
}

export function placeOf(pathname: string): Place {
  const found = /^(.*?)\/(portal|console)(?:\/|$)/.exec(pathname);
  const prefix = found?.[1] ?? '';
  const kind: PageKind = found?.[2] === 'console' ? 'console' : 'portal';
  return { prefix, kind, root: `${prefix}/${kind}/` };
}

/** The tenant that the console's path names: /console/t/{tenantId}/… */
export function tenantOf(pathname: string, place: Place): string | undefined {
  if (place.kind !== 'console') return undefined;
  const rest = pathname.slice(place.root.length);
  const found = /^t\/([^/]+)/.exec(rest);
  if (found?.[1] === undefined) return undefined;
  try {
    return decodeURIComponent(found[1]);
  } catch {
    return undefined;
  }
}

/** The address of a page of a tenant. `path` has no leading slash. */
export function tenantHref(place: Place, tenantId: string | undefined, path: string): string {
  return place.kind === 'console' ? `${place.root}t/${encodeURIComponent(tenantId ?? '')}/${path}` : `${place.root}${path}`;
}

export const place = placeOf(typeof location === 'undefined' ? '/portal/' : location.pathname);

/** An id in a path. */
export const segment = (id: string): string => encodeURIComponent(id);

/** A query string of the values that are given. */
export function query(values: Record<string, string | undefined>): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== undefined && value !== '') params.set(name, value);
  const text = params.toString();
  return text === '' ? '' : `?${text}`;
}
