// Shapes of routes that the OpenAPI document does not have yet. Each goes when `schema.d.ts` has
// it.

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
