// What a redrive sends again, in words.

import type { WebhookNames } from './names';
import type { Redrive } from './dead-letters';
import { short } from './explanations';
import { safeLine } from './safe-text';
import { absolute } from './time';
import { locale, texts } from '../texts';

export function choiceOf(
  { webhookId, type, reason, since, until }: Pick<Redrive, 'webhookId' | 'type' | 'reason' | 'since' | 'until'>,
  names: WebhookNames,
): string {
  const t = texts('redrives');
  const time = (at: string): string => absolute(Date.parse(at), locale());
  const parts = [
    webhookId === undefined ? undefined : t.ofWebhook(names.of(webhookId)),
    type === undefined ? undefined : t.ofType(safeLine(type)),
    reason === undefined ? undefined : t.ofReason(short(texts('failures'), safeLine(reason))),
    since === undefined ? undefined : t.from(time(since)),
    until === undefined ? undefined : t.to(time(until)),
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? t.all : parts.join(', ');
}
