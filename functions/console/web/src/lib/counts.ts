// Numbers beside the pages' names, where something needs somebody. The pages that read them set
// them; dead letters are counted by the frame as well, seldom, and not for the first view.

import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';

import { api, take } from '../api/client';
import { can } from '../api/session';
import { onRefresh, suspended } from './refresh';

/** Of one tenant: the operator goes from tenant to tenant. */
export interface Counted {
  tenantId: string;
  count: number;
  /** There are more than were counted. */
  more?: boolean;
}

export const failingWebhooks = signal<Counted | undefined>(undefined);
export const waitingDeadLetters = signal<Counted | undefined>(undefined);

const FIRST_MS = 2000;
const MIN_AGE_MS = 300_000;
const COUNTED = 100;

/** Those that nobody has sent again. */
export function countWaiting(tenantId: string, letters: { redrivenAt?: string; erasedAt?: string }[], more: boolean): void {
  const count = letters.filter((one) => one.redrivenAt === undefined && one.erasedAt === undefined).length;
  waitingDeadLetters.value = { tenantId, count, more };
}

export function useWaitingDeadLetters(tenantId: string | undefined): void {
  useEffect(() => {
    if (tenantId === undefined) return undefined;
    let at = 0;
    const read = async (): Promise<void> => {
      if (suspended.value || !can('deliveries:read') || Date.now() - at < MIN_AGE_MS) return;
      at = Date.now();
      const page = await take(api.GET('/v1/tenants/{tenantId}/dead-letters', { params: { path: { tenantId }, query: { limit: COUNTED } } }));
      countWaiting(tenantId, page.items, page.nextCursor !== undefined);
    };
    // The page itself says what is wrong, if something is.
    const timer = setTimeout(() => void read().catch(() => undefined), FIRST_MS);
    const end = onRefresh(read);
    return () => {
      clearTimeout(timer);
      end();
    };
  }, [tenantId]);
}
