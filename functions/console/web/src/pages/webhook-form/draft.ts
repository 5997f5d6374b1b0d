// What is typed in the form, and what of it goes to the API. Pure. Secrets are no part of it: they
// stay in their inputs and go with them.

import { delaysOf, delaysText } from '../../lib/delays';
import type { Webhook } from '../webhooks/data';

export interface HeaderDraft {
  name: string;
  /** Undefined: set before, and unchanged. */
  value?: string;
}

export interface Draft {
  name: string;
  url: string;
  events: string[];
  active: boolean;
  basicAuth: boolean;
  username: string;
  contract: string;
  timeout: string;
  delays: string;
  headers: HeaderDraft[];
}

/** What the inputs of secrets have at the time of saving. */
export interface Secrets {
  password: string;
  secret?: string;
}

export const MASK = '***';
const MAX_DELAY = 604_800;

export function emptyDraft(contract: string): Draft {
  return { name: '', url: '', events: [], active: true, basicAuth: false, username: '', contract, timeout: '', delays: '', headers: [] };
}

export function draftOf(webhook: Webhook): Draft {
  return {
    name: webhook.name ?? '',
    url: webhook.url,
    events: webhook.events,
    active: webhook.active,
    basicAuth: webhook.basicAuth !== undefined,
    username: webhook.basicAuth?.username ?? '',
    contract: webhook.contract,
    timeout: webhook.overrides.timeoutSeconds === undefined ? '' : String(webhook.overrides.timeoutSeconds),
    delays: webhook.overrides.retryDelaysSeconds === undefined ? '' : delaysText(webhook.overrides.retryDelaysSeconds),
    headers: Object.keys(webhook.headers ?? {}).map((name) => ({ name })),
  };
}

export type MistakeName = 'required' | 'noneChosen' | 'urlWrong' | 'timeoutWrong' | 'delaysWrong' | 'headerWrong' | 'passwordRequired' | 'secretRequired';

/** What the page can tell without the server, by field, in the order of the form. */
export function mistakesOf(draft: Draft, secrets: Secrets, before: Webhook | undefined): [string, MistakeName][] {
  const found: [string, MistakeName][] = [];
  if (draft.name.trim() === '') found.push(['name', 'required']);
  if (draft.url.trim() === '') found.push(['url', 'required']);
  else if (!/^[a-z][a-z0-9+.-]*:/i.test(draft.url.trim())) found.push(['url', 'urlWrong']);
  if (draft.events.length === 0) found.push(['events', 'noneChosen']);
  if (secrets.secret === '') found.push(['secret', 'secretRequired']);
  if (draft.basicAuth && draft.username === '') found.push(['basicAuth.username', 'required']);
  if (draft.basicAuth && secrets.password === '' && (before?.basicAuth === undefined || hostChanges(before.url, draft.url))) found.push(['basicAuth.password', 'passwordRequired']);
  if (draft.timeout.trim() !== '' && !/^([1-9]|[1-5]\d|60)$/.test(draft.timeout.trim())) found.push(['overrides.timeoutSeconds', 'timeoutWrong']);
  const delays = delaysOf(draft.delays);
  if (delays === undefined || delays.some((delay) => delay > MAX_DELAY)) found.push(['overrides.retryDelaysSeconds', 'delaysWrong']);
  draft.headers.forEach((header, index) => {
    if (header.name.trim() === '' || header.value === '') found.push([`headers.${index}`, 'headerWrong']);
  });
  return found;
}

/** Scheme, host or port: then the API drops the secrets that go to the receiver. */
export function hostChanges(before: string, after: string): boolean {
  try {
    return new URL(before).origin !== new URL(after.trim()).origin || new URL(before).protocol !== new URL(after.trim()).protocol;
  } catch {
    return before !== after.trim();
  }
}

const timeoutOf = (draft: Draft): number | undefined => (draft.timeout.trim() === '' ? undefined : Number(draft.timeout));
const delaysIn = (draft: Draft): number[] | undefined => (draft.delays.trim() === '' ? undefined : delaysOf(draft.delays));

export function createBody(draft: Draft, secrets: Secrets, defaultContract: string) {
  const [timeoutSeconds, retryDelaysSeconds] = [timeoutOf(draft), delaysIn(draft)];
  return {
    name: draft.name.trim(),
    url: draft.url.trim(),
    events: draft.events,
    active: draft.active,
    ...(draft.contract !== defaultContract && draft.contract !== '' ? { contract: draft.contract } : {}),
    ...(secrets.secret === undefined ? {} : { secret: secrets.secret }),
    ...(draft.basicAuth ? { basicAuth: { username: draft.username, password: secrets.password } } : {}),
    ...(draft.headers.length > 0 ? { headers: Object.fromEntries(draft.headers.map((header) => [header.name.trim(), header.value ?? ''])) } : {}),
    ...(timeoutSeconds !== undefined || retryDelaysSeconds !== undefined ? { overrides: { timeoutSeconds, retryDelaysSeconds } } : {}),
  };
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

export type DraftField = Exclude<keyof Draft, 'username'>;

/** The fields in which two differ, in the order of the form. */
export function differences(one: Draft, other: Draft): DraftField[] {
  const plain = (draft: Draft): Record<DraftField, unknown> => ({
    name: draft.name.trim(),
    url: draft.url.trim(),
    events: [...draft.events].sort(),
    basicAuth: draft.basicAuth && draft.username,
    contract: draft.contract,
    timeout: draft.timeout.trim(),
    delays: draft.delays.trim(),
    headers: draft.headers.map((header) => [header.name.trim(), header.value ?? '']),
    active: draft.active,
  });
  const [a, b] = [plain(one), plain(other)];
  return (Object.keys(a) as DraftField[]).filter((field) => !same(a[field], b[field]));
}

/** The merge patch: only what has changed. Empty if nothing has. */
export function patchOf(draft: Draft, secrets: Secrets, webhook: Webhook): Record<string, unknown> {
  const before = draftOf(webhook);
  const patch: Record<string, unknown> = {};
  if (draft.name.trim() !== before.name) patch['name'] = draft.name.trim();
  if (draft.url.trim() !== before.url) patch['url'] = draft.url.trim();
  if (!same([...draft.events].sort(), [...before.events].sort())) patch['events'] = draft.events;
  if (draft.active !== before.active) patch['active'] = draft.active;
  if (draft.contract !== before.contract) patch['contract'] = draft.contract;
  if (!draft.basicAuth && before.basicAuth) patch['basicAuth'] = null;
  else if (draft.basicAuth && (!before.basicAuth || draft.username !== before.username || secrets.password !== '')) {
    patch['basicAuth'] = { username: draft.username, ...(secrets.password === '' ? {} : { password: secrets.password }) };
  }
  const overrides: Record<string, unknown> = {};
  if (draft.timeout.trim() !== before.timeout) overrides['timeoutSeconds'] = timeoutOf(draft) ?? null;
  if (draft.delays.trim() !== before.delays) overrides['retryDelaysSeconds'] = delaysIn(draft) ?? null;
  if (Object.keys(overrides).length > 0) patch['overrides'] = overrides;
  const headers: Record<string, string | null> = {};
  for (const { name } of before.headers) if (!draft.headers.some((header) => header.name.trim() === name)) headers[name] = null;
  for (const header of draft.headers) if (header.value !== undefined) headers[header.name.trim()] = header.value;
  if (Object.keys(headers).length > 0) patch['headers'] = headers;
  return patch;
}
