// The session: a one-time code in the fragment is exchanged for a token, which stays in memory
// and in this tab's sessionStorage. No cookie, no URL, no history entry ever has the token.

import { computed, effect, signal } from '@preact/signals';

import { place } from '../lib/place';
import { locked, now } from '../lib/refresh';
import { recall, remember } from '../lib/store';
import { api, setToken, take, whenUnauthorized } from './client';
import { ApiError, asError } from './problem';
import type { components } from './schema';

export type Me = components['schemas']['Me'];

export interface Session {
  id?: string;
  token: string;
  tenantId?: string;
  scopes: string[];
  expiresAt?: string;
}

/** `entering`: a code is being exchanged. `none`: no session and no code. */
export type Entry = 'entering' | 'in' | 'none' | 'used' | 'failed';

export const session = signal<Session | null>(null);
export const me = signal<Me | null>(null);
export const entry = signal<Entry>('entering');
export const entryError = signal<ApiError | null>(null);
/** The session has ended while the page was open: a dialog covers the page, the work stays. */
export const expired = signal(false);

const STORED = `postel.session.${place.kind}`;
const WANTED = `postel.wanted.${place.kind}`;
// Tells the other tabs of this browser that a session was signed out; never its token.
const others = new BroadcastChannel('postel.signed-out');
const WARN_SECONDS = 120;

/** Whether the session ends within two minutes. */
export const expiring = computed(() => {
  const end = session.value?.expiresAt;
  return end !== undefined && !expired.value && Date.parse(end) - now.value < WARN_SECONDS * 1000;
});

effect(() => {
  locked.value = session.value === null || expired.value;
});
effect(() => {
  const end = session.value?.expiresAt;
  if (end !== undefined && now.value >= Date.parse(end)) expired.value = true;
});
others.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
  if (session.value?.id !== undefined && session.value.id === data) expired.value = true;
});
whenUnauthorized(() => {
  if (session.value !== null) expired.value = true;
});

/** Whether the session may do this. The operator may do everything. */
export function can(scope: string): boolean {
  const who = me.value;
  if (who !== null && (who.kind === 'operator' || who.tenantId === undefined)) return true;
  return (who?.scopes ?? session.value?.scopes ?? []).includes(scope);
}

/** The code in a fragment, or in a whole link that somebody pastes. */
export function codeOf(text: string): string | undefined {
  const fragment = text.includes('#') ? text.slice(text.indexOf('#') + 1) : '';
  return new URLSearchParams(fragment).get('s') ?? undefined;
}

function keep(value: Session): void {
  session.value = value;
  setToken(value.token);
  remember('sessionStorage', STORED, JSON.stringify(value));
  expired.value = false;
}

function stored(): Session | null {
  try {
    const value = JSON.parse(recall('sessionStorage', STORED) ?? 'null') as Session | null;
    return typeof value?.token === 'string' && Array.isArray(value.scopes) ? value : null;
  } catch {
    return null;
  }
}

export function forget(): void {
  session.value = null;
  me.value = null;
  setToken(null);
  remember('sessionStorage', STORED, null);
}

/** Reads who the session is; also proves that it still lives. */
export async function readMe(): Promise<void> {
  me.value = await take(api.GET('/v1/me', {}));
}

/** Exchanges a code; the page then has a session. */
export async function exchange(code: string): Promise<void> {
  const before = session.value;
  const got = await take(api.POST('/v1/sessions/exchange', { body: { code } }));
  const { id, token, tenantId, scopes, expiresAt } = got;
  keep({ id, token, tenantId, scopes, expiresAt });
  await readMe();
  // Work of another tenant must not be saved into this one.
  if (before?.tenantId !== undefined && before.tenantId !== tenantId) location.assign(place.root);
}

/** The operator's key makes a console session; the key itself is not kept. */
export async function signIn(key: string): Promise<void> {
  const response = await fetch(`${location.origin}${place.prefix}/v1/sessions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: '{}',
    credentials: 'omit',
    cache: 'no-store',
  }).catch((thrown: unknown) => {
    throw asError(thrown);
  });
  const body = (await response.json().catch(() => ({}))) as { code?: string };
  if (!response.ok || body.code === undefined) throw new ApiError(response.status, body);
  await exchange(body.code);
  entry.value = 'in';
}

async function settle(task: () => Promise<void>): Promise<void> {
  entry.value = 'entering';
  entryError.value = null;
  try {
    await task();
    entry.value = 'in';
  } catch (thrown) {
    const error = asError(thrown);
    entryError.value = error;
    if (error.status === 401) forget();
    entry.value = error.kind === 'missing' || error.kind === 'invalid' ? 'used' : error.status === 401 ? 'none' : 'failed';
  }
}

/** Begins: with the fragment's code, or with this tab's session. */
export async function enter(): Promise<void> {
  const code = codeOf(location.hash);
  // Out of the address bar and the history before anything else can read it.
  if (location.hash !== '') history.replaceState(null, '', location.pathname + location.search);
  const before = stored();
  if (code !== undefined) {
    returnToWanted();
    await settle(() => exchange(code));
  } else if (before !== null) {
    keep(before);
    await settle(readMe);
  } else {
    entry.value = 'none';
  }
  if (entry.value === 'none' || entry.value === 'used') remember('sessionStorage', WANTED, location.pathname + location.search);
}

/** A link leads to the first page; the person may have asked for another one before, in this tab. */
function returnToWanted(): void {
  const wanted = recall('sessionStorage', WANTED);
  remember('sessionStorage', WANTED, null);
  if (location.pathname === place.root && wanted?.startsWith(place.root) === true) history.replaceState(null, '', wanted);
}

/** Ends the session on the server, then here. Answers whether the server ended it. */
export async function signOut(): Promise<boolean> {
  const id = session.value?.id;
  let ended = false;
  try {
    if (id !== undefined) {
      await take(api.DELETE('/v1/sessions/{sessionId}', { params: { path: { sessionId: id } } }));
      ended = true;
    }
  } catch {
    ended = false;
  }
  others.postMessage(id);
  forget();
  entry.value = 'none';
  return ended;
}

addEventListener('hashchange', () => {
  // A new link, pasted into the address bar of the open page.
  if (codeOf(location.hash) !== undefined) void enter();
});
