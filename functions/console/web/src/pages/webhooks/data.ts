// A webhook as the pages need it.

import { api, take } from '../../api/client';
import type { components } from '../../api/schema';
import { safeLine } from '../../lib/safe-text';
import type { DeliveryCounts } from '../../lib/stats';
import { everyPage } from '../../lib/every-page';
import type { StatusName } from '../../parts/status';
import { base, texts } from '../../texts';
import type { VendorWords } from '../../texts/en/webhooks';

export type Webhook = components['schemas']['Webhook'];

export const INBOX = 'postel:inbox';

export function statusOf(webhook: Webhook): StatusName {
  if (!webhook.active) return webhook.disabledReason == null ? 'inactive' : 'disabled';
  if (webhook.failingSince != null) return 'failing';
  return webhook.slow === true ? 'slow' : 'active';
}

const ORDER: StatusName[] = ['failing', 'disabled', 'slow'];

/** Those with trouble first, otherwise as they are. */
export function troubledFirst(webhooks: Webhook[]): Webhook[] {
  const rank = (webhook: Webhook): number => {
    const at = ORDER.indexOf(statusOf(webhook));
    return at < 0 ? ORDER.length : at;
  };
  return webhooks.map((webhook, index) => ({ webhook, index })).sort((a, b) => rank(a.webhook) - rank(b.webhook) || a.index - b.index).map(({ webhook }) => webhook);
}

export const nameOf = (webhook: { name?: string; id: string }): string => safeLine(webhook.name ?? webhook.id);

/** The words of the webhook's, or the tenant's, contract. */
export function vendorWords(contract: string | undefined): VendorWords {
  const { vendor, vendors } = texts('webhooks');
  return { ...vendor, ...vendors[contract ?? ''] };
}

interface VendorWays {
  /** A click on the name opens the edit page. */
  editsByName?: boolean;
  /** The button of the list is there on the first visit, too. */
  addsAtFirst?: boolean;
  /** The switch is under the pointer, over the status. */
  togglesByHover?: boolean;
  /** A button in the row sends a test event, without a choice of its type. */
  testsAtOnce?: boolean;
  /** The events come last in the form. */
  eventsLast?: boolean;
}

const WAYS: Record<string, VendorWays> = {
  inspectorio: { editsByName: true, addsAtFirst: true, togglesByHover: true },
  kuviq: { testsAtOnce: true },
  kazinex: { eventsLast: true },
};

/** How a vendor's documents have a person do things, where that is their own way. */
export const vendorWays = (contract: string | undefined): VendorWays => WAYS[contract ?? ''] ?? {};

export async function allWebhooks(tenantId: string, signal: AbortSignal): Promise<Webhook[]> {
  const all = await everyPage((cursor) => take(api.GET('/v1/tenants/{tenantId}/webhooks', { params: { path: { tenantId }, query: { limit: 250, cursor } }, signal })));
  return all.items;
}

export function change(tenantId: string, webhookId: string, body: components['schemas']['WebhookUpdate'], etag?: string): Promise<Webhook> {
  return take(
    api.PATCH('/v1/tenants/{tenantId}/webhooks/{webhookId}', {
      params: { path: { tenantId, webhookId }, header: etag === undefined ? {} : { 'If-Match': etag } },
      body,
      headers: { 'content-type': 'application/merge-patch+json' },
    }),
  );
}

export const RETRY_LIMIT = 250;

/** How many deliveries wait for another attempt. */
export async function waitingFor(tenantId: string, webhookId: string): Promise<{ count: number; more: boolean }> {
  const answer = await take(api.GET('/v1/tenants/{tenantId}/deliveries', { params: { path: { tenantId }, query: { webhookId, status: ['retrying'], limit: RETRY_LIMIT } } }));
  return { count: answer.items.length, more: answer.nextCursor !== undefined };
}

/** `98.2 % of 412`, of what has ended. */
export function rateOf(counts: DeliveryCounts | undefined, locale: string, complete: boolean): string | undefined {
  if (counts === undefined) return undefined;
  const ended = counts.completed + counts.failed;
  if (ended === 0 || counts.successRate === undefined) return undefined;
  const words = texts('webhooks').list;
  const rate = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 1 }).format(counts.successRate);
  const count = ended.toLocaleString(locale);
  return words.rateOf(rate, complete ? count : words.atLeast(count));
}

/** The status in a word. */
export const statusWord = (webhook: Webhook): string => base().status[statusOf(webhook)];
