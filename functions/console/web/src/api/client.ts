// The API as the OpenAPI document describes it. Reads wait for a 429 once and repeat; writes
// never repeat by themselves.

import { signal } from '@preact/signals';
import type { Client } from 'openapi-fetch';

import { place } from '../lib/place';
import { ApiError, errorOf, retryAfterOf } from './problem';
import type { paths } from './schema';

/** The end of a wait for a 429, in ms: the frame shows it. */
export const waitingUntil = signal(0);
/** Whether the last call got no answer or a 5xx. */
export const troubled = signal<'offline' | 'server' | null>(null);

const MAX_WAIT_SECONDS = 60;

/** The most answers that are kept for a repeated read. */
const MAX_KNOWN = 40;

let token: string | null = null;
/** Answers with an ETag, by address: a read that is repeated asks only for what has changed. */
const known = new Map<string, { text: string; headers: Headers }>();
let onUnauthorized: () => void = () => undefined;

export function setToken(value: string | null): void {
  if (value !== token) known.clear();
  token = value;
}

export function whenUnauthorized(task: () => void): void {
  onUnauthorized = task;
}

const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

async function once(request: Request): Promise<Response> {
  try {
    const response = await fetch(request);
    troubled.value = response.status >= 500 ? 'server' : null;
    return response;
  } catch (thrown) {
    if (thrown instanceof DOMException && thrown.name === 'AbortError') throw thrown;
    troubled.value = 'offline';
    throw new ApiError(0, { detail: thrown instanceof Error ? thrown.message : '' });
  }
}

/** Asks for what has changed. Without a change the answer that is known comes again. */
async function conditional(request: Request): Promise<Response> {
  const before = request.method === 'GET' && !request.headers.has('if-none-match') ? known.get(request.url) : undefined;
  if (before !== undefined) request.headers.set('if-none-match', before.headers.get('etag') ?? '');
  const response = await once(request);
  if (response.status === 304 && before !== undefined) return new Response(before.text, before);
  if (request.method !== 'GET') return response;
  known.delete(request.url);
  if (!response.ok || !response.headers.has('etag')) return response;
  // The text, not the response: whoever ends the read would end the body of a copy, too.
  const kept = { text: await response.text(), headers: response.headers };
  known.set(request.url, kept);
  const [oldest] = known.keys();
  if (known.size > MAX_KNOWN && oldest !== undefined) known.delete(oldest);
  return new Response(kept.text, kept);
}

async function send(request: Request): Promise<Response> {
  if (token !== null) request.headers.set('authorization', `Bearer ${token}`);
  const used = token;
  const again = request.method === 'GET' ? request.clone() : undefined;
  let response = await conditional(request);
  if (response.status === 429 && again !== undefined) {
    const seconds = Math.min(retryAfterOf(response.headers) ?? 5, MAX_WAIT_SECONDS);
    waitingUntil.value = Date.now() + seconds * 1000;
    await sleep(seconds * 1000);
    response = await conditional(again);
  }
  if (response.status === 401 && used === token) onUnauthorized();
  return response;
}

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

interface Init extends RequestInit {
  params?: { path?: Record<string, unknown>; query?: Record<string, unknown>; header?: Record<string, unknown> };
  body?: never;
  /** `text`: a success as it was sent. Numbers that JavaScript cannot hold keep their digits. */
  parseAs?: string;
}

/** `path` begins with /v1; what is undefined or an empty list is left out. */
export function addressOf(path: string, { path: names = {}, query = {} }: NonNullable<Init['params']> = {}): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(names[name])));
  const asked = Object.entries(query).flatMap(([name, value]) => {
    // status=processing,retrying: the API takes a parameter once.
    const text = [value ?? []].flat().map((one) => encodeURIComponent(String(one))).join(',');
    return text === '' && value !== '' ? [] : [`${name}=${text}`];
  });
  return asked.length === 0 ? filled : `${filled}?${asked.join('&')}`;
}

async function call(method: string, path: string, { params, body, headers: given, parseAs, ...init }: Init = {}): Promise<Answer<never>> {
  const headers = new Headers(given);
  for (const [name, value] of Object.entries(params?.header ?? {})) if (value != null) headers.set(name, String(value));
  if (body !== undefined && !headers.has('content-type')) headers.set('content-type', 'application/json');
  const url = `${location.origin}${place.prefix}${addressOf(path, params)}`;
  // No cookie in either direction, nothing in the browser's cache.
  const request = new Request(url, { ...init, method, headers, credentials: 'omit', cache: 'no-store', body: body === undefined ? undefined : JSON.stringify(body) });
  const response = await send(request);
  const text = await response.text();
  if (response.ok && parseAs === 'text') return { data: text as never, response };
  let value: unknown;
  try {
    value = text === '' ? undefined : JSON.parse(text);
  } catch (thrown) {
    // A success of somebody between the page and the API is no answer of the API.
    if (response.ok) throw thrown;
  }
  return response.ok ? { data: value as never, response } : { error: value, response };
}

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

/**
 * Typed by the OpenAPI document: `api.GET('/v1/tenants/{tenantId}/webhooks', {params: …})`. The
 * types are openapi-fetch's; its code is three times as large as what the pages need of it.
 */
export const api = Object.fromEntries(METHODS.map((method) => [method, (path: string, init?: Init) => call(method, path, init)])) as unknown as Pick<
  Client<paths>,
  (typeof METHODS)[number]
>;

/** The body of a success; any other answer is thrown as an ApiError. */
export async function take<T>(call: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await call;
  if (!response.ok) throw errorOf(response, error);
  return data as T;
}

/** The same with the headers, for an ETag. */
export async function takeWithTag<T>(call: Promise<Answer<T>>): Promise<{ data: T; etag?: string }> {
  const { data, error, response } = await call;
  if (!response.ok) throw errorOf(response, error);
  return { data: data as T, etag: response.headers.get('etag') ?? undefined };
}

/** For a path that is put together. It begins with /v1. */
export async function raw<T>(method: string, path: string, body?: unknown, init: RequestInit = {}): Promise<T> {
  return take<T>(call(method, path, { ...init, body: body as never }));
}
