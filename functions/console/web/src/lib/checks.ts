// Why does nothing arrive? The checks that a person would make one after the other, as facts with a
// verdict each; the page puts them into words.

import { wants } from './event-filters';

export interface Facts {
  webhook: { active: boolean; disabledReason?: string; events: readonly string[]; createdAt: string; url: string };
  /** The type that is missing; undefined: any. */
  type?: string;
  /** The newest event of that type; null: there is none. Undefined: not known. */
  lastEvent?: { id: string; createdAt: string } | null;
  /** The newest delivery to the webhook; null: there is none. Undefined: not known. */
  lastDelivery?: { id: string; status: string; lastResponseCode?: number; errorCode?: string; createdAt: string; nextAttemptAt?: string } | null;
  /** How many events of the last 24 hours match no webhook. */
  unmatched?: number;
  /** What Postel itself says that it would do with such an event. */
  explained?: { result: string; reason: string; detail: string };
}

export type Check =
  | { id: 'active'; result: 'ok' | 'problem'; reason?: string }
  | { id: 'events'; result: 'ok' | 'problem'; filters: readonly string[] }
  | { id: 'unmatched'; result: 'problem'; count: number }
  | { id: 'published'; result: 'ok' | 'problem' | 'unknown'; at?: string; eventId?: string }
  | { id: 'after'; result: 'problem'; at: string }
  | { id: 'delivered'; result: 'ok' | 'waits' | 'problem' | 'unknown'; deliveryId?: string; code?: number; errorCode?: string; at?: string; next?: string }
  | { id: 'address'; result: 'problem'; errorCode: string }
  | { id: 'explained'; result: 'ok' | 'problem'; reason: string; detail: string };

/** Failures that the address itself causes: no receiver has seen the request. */
const ADDRESS = new Set(['address_blocked', 'invalid_url', 'dns', 'connect', 'tls']);
const WILL_ARRIVE = new Set(['delivered', 'pending', 'due']);

export function checksOf({ webhook, type, lastEvent, lastDelivery, unmatched = 0, explained }: Facts): Check[] {
  const checks: Check[] = [
    { id: 'active', result: webhook.active ? 'ok' : 'problem', reason: webhook.disabledReason },
    { id: 'events', result: type === undefined || wants(webhook.events, type) ? 'ok' : 'problem', filters: webhook.events },
  ];
  if (type === undefined && unmatched > 0) checks.push({ id: 'unmatched', result: 'problem', count: unmatched });
  if (lastEvent === undefined) checks.push({ id: 'published', result: 'unknown' });
  else if (lastEvent === null) checks.push({ id: 'published', result: 'problem' });
  else checks.push({ id: 'published', result: 'ok', at: lastEvent.createdAt, eventId: lastEvent.id });
  if (lastEvent && Date.parse(lastEvent.createdAt) < Date.parse(webhook.createdAt)) checks.push({ id: 'after', result: 'problem', at: webhook.createdAt });
  checks.push(delivered(lastDelivery));
  const code = lastDelivery?.status === 'completed' ? undefined : lastDelivery?.errorCode;
  if (code !== undefined && ADDRESS.has(code)) checks.push({ id: 'address', result: 'problem', errorCode: code });
  if (explained !== undefined) checks.push({ id: 'explained', result: WILL_ARRIVE.has(explained.result) ? 'ok' : 'problem', reason: explained.reason, detail: explained.detail });
  return checks;
}

function delivered(last: Facts['lastDelivery']): Check {
  if (last === undefined) return { id: 'delivered', result: 'unknown' };
  if (last === null) return { id: 'delivered', result: 'problem' };
  const common = { deliveryId: last.id, code: last.lastResponseCode, errorCode: last.errorCode, at: last.createdAt, next: last.nextAttemptAt };
  if (last.status === 'completed') return { id: 'delivered', result: 'ok', ...common };
  const waits = last.status === 'pending' || last.status === 'processing';
  return { id: 'delivered', result: waits ? 'waits' : 'problem', ...common };
}
