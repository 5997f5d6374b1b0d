// Names for people in place of ids: of webhooks, and of event types.

import { api, take } from '../api/client';
import { can } from '../api/session';
import { safeLine } from './safe-text';
import { useResource } from './resource';

interface Named {
  id: string;
  name: string;
  updatedAt: string;
}

/** More than any page lists in a select; the rest is shown by its id. */
const MAX_WEBHOOKS = 250;

async function webhooks(tenantId: string, signal: AbortSignal): Promise<Named[]> {
  if (!can('webhooks:read')) return [];
  const page = await take(api.GET('/v1/tenants/{tenantId}/webhooks', { params: { path: { tenantId }, query: { limit: MAX_WEBHOOKS } }, signal }));
  return page.items.map(({ id, name, url, updatedAt }) => ({ id, name: safeLine(name ?? url), updatedAt }));
}

export interface WebhookNames {
  all: Named[];
  /** The name; the id of a webhook that is gone or has none. */
  of: (id: string) => string;
  /** When somebody last changed it. */
  changedAt: (id: string) => string | undefined;
}

/** Read once with the page. A failure shows ids: the page is readable without names. */
export function useWebhookNames(tenantId: string): WebhookNames {
  const { data = [] } = useResource(`webhook names ${tenantId}`, (signal) => webhooks(tenantId, signal), { refresh: false });
  const byId = new Map(data.map((one) => [one.id, one]));
  return { all: data, of: (id) => byId.get(id)?.name ?? safeLine(id), changedAt: (id) => byId.get(id)?.updatedAt };
}

async function types(signal: AbortSignal): Promise<Map<string, string>> {
  const page = await take(api.GET('/v1/event-types', { params: { query: { limit: MAX_WEBHOOKS } }, signal }));
  return new Map(page.items.flatMap(({ type, name }) => (name === undefined ? [] : [[type, safeLine(name)] as const])));
}

export interface TypeNames {
  /** All types of the catalogue. */
  all: string[];
  /** The display name, if the catalogue has one. */
  of: (type: string) => string | undefined;
}

export function useTypeNames(): TypeNames {
  const { data } = useResource('type names', types, { refresh: false });
  return { all: [...(data?.keys() ?? [])], of: (type) => data?.get(type) };
}
