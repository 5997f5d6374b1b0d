// A tenant's counts. Counting reads much of the log, so an open page asks at most once a minute.

import { useRef } from 'preact/hooks';

import { api, take } from '../api/client';
import type { components } from '../api/schema';
import { type Resource, useResource } from './resource';

export type Stats = components['schemas']['Stats'];
export type DeliveryCounts = components['schemas']['DeliveryCounts'];

const AT_MOST_EVERY = 59_000;

export function useStats(tenantId: string, since: string | undefined): Resource<Stats> {
  const key = `stats ${tenantId} ${since ?? ''}`;
  const last = useRef<{ key: string; at: number; stats: Stats } | null>(null);
  return useResource(key, async (signal) => {
    const known = last.current;
    if (known !== null && known.key === key && Date.now() - known.at < AT_MOST_EVERY) return known.stats;
    const stats = await take(api.GET('/v1/tenants/{tenantId}/stats', { params: { path: { tenantId }, query: { since } }, signal }));
    last.current = { key, at: Date.now(), stats };
    return stats;
  });
}

/** The counts of one webhook, or of the tenant. */
export function countsOf(stats: Stats, webhookId: string): DeliveryCounts {
  if (webhookId === '') return stats;
  return stats.webhooks[webhookId] ?? { pending: 0, completed: 0, failed: 0, inProgress: 0 };
}
