// The API as the OpenAPI document describes it. Reads wait for a 429 once and repeat; writes
// never repeat by themselves.

import { signal } from '@preact/signals';
import createClient from 'openapi-fetch';

import { place } from '../lib/place';
import { ApiError, errorOf, retryAfterOf } from './problem';
import type { paths } from './schema';

/** The end of a wait for a 429, in ms: the frame shows it. */
export const waitingUntil = signal(0);
/** Whether the last call got no answer or a 5xx. */
export const troubled = signal<'offline' | 'server' | null>(null);

/** Whether an answer came from another version than the first one: the page is of an older one. */
export const outdated = signal(false);

const MAX_WAIT_SECONDS = 60;

/** The most answers that are kept for a repeated read. */
const MAX_KNOWN = 40;

let version: string | null = null;
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
    const answered = response.headers.get('postel-version') ?? version;
    if (version !== null && answered !== version) outdated.value = true;
    version ??= answered;
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

/** Typed by the OpenAPI document: `api.GET('/v1/tenants/{tenantId}/webhooks', {params: …})`. */
export const api = createClient<paths>({
  baseUrl: `${location.origin}${place.prefix}`,
  fetch: send,
  // status=processing,retrying: the API takes a parameter once.
  querySerializer: { array: { style: 'form', explode: false } },
  // No cookie in either direction, nothing in the browser's cache.
  credentials: 'omit',
  cache: 'no-store',
});

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
