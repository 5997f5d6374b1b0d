// Shapes of routes that the OpenAPI document does not have yet. Each goes when `schema.d.ts` has
// it.

export interface Me {
  kind: 'operator' | 'key' | 'session';
  id?: string;
  tenantId?: string;
  tenantName?: string;
  contract?: string;
  scopes: string[];
  expiresAt?: string;
  limits?: { webhooks: { used: number; allowed: number }; requestsPerMinute?: number };
  version: string;
}

export interface Exchanged {
  id: string;
  token: string;
  tenantId?: string;
  scopes: string[];
  expiresAt: string;
}

/** `GET …/events/{eventId}/explain`: what becomes of an event for each webhook. */
export interface EventExplanation {
  eventId?: string;
  type: string;
  webhooks: WebhookExplanation[];
  hasMore?: boolean;
}

export interface WebhookExplanation {
  webhookId: string;
  webhookName?: string;
  result: string;
  reason: string;
  /** A sentence or two. */
  detail: string;
  deliveryId?: string;
  request?: { method: string; url: string; headers: Record<string, string>; body?: string; signedText?: string };
  requestOmitted?: boolean;
  nextAttempts: string[];
}
