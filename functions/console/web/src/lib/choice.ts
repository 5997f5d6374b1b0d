// What a redrive sends again, in words.

import type { WebhookNames } from './names';
import type { Redrive } from './dead-letters';
import { short } from './explanations';
import { safeLine } from './safe-text';
import { absolute } from './time';
import { locale, texts } from '../texts';

/** A job without an end of its own ends with its creation: that needs no words. */
const SAME = 5000;

export function choiceOf(
  { webhookId, type, reason, since, until, createdAt }: Pick<Redrive, 'webhookId' | 'type' | 'reason' | 'since' | 'until' | 'createdAt'>,
  names: Pick<WebhookNames, 'of'>,
): string {
  const t = texts('redrives');
  const time = (at: string): string => absolute(Date.parse(at), locale());
  const parts = [
    webhookId === undefined ? undefined : t.ofWebhook(names.of(webhookId)),
    type === undefined ? undefined : t.ofType(safeLine(type)),
    reason === undefined ? undefined : t.ofReason(short(texts('failures'), safeLine(reason))),
    since === undefined ? undefined : t.from(time(since)),
    until === undefined || Math.abs(Date.parse(until) - Date.parse(createdAt)) < SAME ? undefined : t.to(time(until)),
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? t.all : `${t.some} ${parts.join(', ')}`;
}
