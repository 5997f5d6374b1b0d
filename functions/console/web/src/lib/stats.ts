// A tenant's counts. Counting reads much of the log, so an open page asks at most once a minute.

import { api, take } from '../api/client';
import type { components } from '../api/schema';
import { can } from '../api/session';
import { type Resource, useResource } from './resource';

export type Stats = components['schemas']['Stats'];
export type DeliveryCounts = components['schemas']['DeliveryCounts'];

const MIN_INTERVAL_MS = 59_000;

/** What was asked last: pages that show the same counts share them. */
const asked = new Map<string, { at: number; stats: Promise<Stats> }>();

export function readStats(tenantId: string, since?: string): Promise<Stats> {
  const key = JSON.stringify([tenantId, since]);
  for (const [old, { at }] of asked) if (Date.now() - at >= MIN_INTERVAL_MS) asked.delete(old);
  const known = asked.get(key);
  if (known !== undefined) return known.stats;
  const stats = take(api.GET('/v1/tenants/{tenantId}/stats', { params: { path: { tenantId }, query: { since } } }));
  asked.set(key, { at: Date.now(), stats });
  stats.catch(() => asked.delete(key));
  return stats;
}

/** Of the last 24 hours unless `since` says another time; without the right to see them, nothing. */
export function useStats(tenantId: string, since?: string): Resource<Stats | undefined> {
  return useResource(`stats ${tenantId} ${since ?? ''}`, async () => (can('deliveries:read') ? readStats(tenantId, since) : undefined));
}

/** The counts of a webhook that had deliveries. An id may be any word: `constructor`, too. */
export function ofWebhook(stats: Stats, webhookId: string): DeliveryCounts | undefined {
  return Object.hasOwn(stats.webhooks, webhookId) ? stats.webhooks[webhookId] : undefined;
}

/** The counts of one webhook, or of the tenant. */
export function countsOf(stats: Stats, webhookId: string): DeliveryCounts {
  if (webhookId === '') return stats;
  return ofWebhook(stats, webhookId) ?? { pending: 0, completed: 0, failed: 0, inProgress: 0 };
}
