// Why a webhook is switched off, failing or slow: since when, and what to do.

import { api, take } from '../../api/client';
import { can } from '../../api/session';
import { now } from '../../lib/refresh';
import { segment } from '../../lib/place';
import { useResource } from '../../lib/resource';
import { safeLine } from '../../lib/safe-text';
import { useTenant } from '../../lib/tenant';
import { absolute, relative } from '../../lib/time';
import { Notice } from '../../parts/status';
import { base, locale, texts } from '../../texts';
import type { Actions } from '../webhooks/actions';
import { type Webhook, vendorWords } from '../webhooks/data';

export function Trouble({ webhook, actions }: { webhook: Webhook; actions: Actions }) {
  const words = texts('webhook').detail;
  const write = can('webhooks:write');
  if (!webhook.active && webhook.disabledReason != null) {
    const reason = words.disabledReasons[webhook.disabledReason] ?? safeLine(webhook.disabledReason);
    return (
      <Notice
        tone="bad"
        action={
          write && (
            <button type="button" class="button primary" onClick={() => actions.toggle(webhook)}>
              {words.enable}
            </button>
          )
        }
      >
        <strong>{webhook.disabledAt == null ? words.disabledSomeTime : words.disabledTitle(relative(Date.parse(webhook.disabledAt), now.value, base().time))}</strong>
        <p>{reason}</p>
        <p>{words.disabledDo}</p>
      </Notice>
    );
  }
  if (!webhook.active) {
    return (
      <Notice
        tone="off"
        icon="off"
        action={
          write && (
            <button type="button" class="button" onClick={() => actions.toggle(webhook)}>
              {vendorWords(webhook.contract).activate}
            </button>
          )
        }
      >
        {words.inactive}
      </Notice>
    );
  }
  return (
    <>
      {webhook.failingSince != null && <Failing webhook={webhook} since={webhook.failingSince} />}
      {webhook.slow === true && <Notice tone="warn">{words.slow}</Notice>}
    </>
  );
}

/** With the last delivery that failed, and its next attempt. */
function Failing({ webhook, since }: { webhook: Webhook; since: string }) {
  const words = texts('webhook').detail;
  const { id: tenantId, href } = useTenant();
  const last = useResource(`failing ${tenantId} ${webhook.id}`, async (signal) => {
    if (!can('deliveries:read')) return null;
    const answer = await take(api.GET('/v1/tenants/{tenantId}/deliveries', { params: { path: { tenantId }, query: { webhookId: webhook.id, status: ['retrying', 'failed'], limit: 1 } }, signal }));
    return answer.items[0] ?? null;
  });
  const delivery = last.data;
  const explained = delivery?.errorCode === undefined ? undefined : base().reasons[delivery.errorCode];
  return (
    <Notice
      tone="bad"
      icon="warn"
      action={
        delivery === undefined ? (
          // Its place, so that nothing moves when it comes.
          <span class="button reserved" aria-hidden="true">
            {words.seeLast}
          </span>
        ) : (
          delivery !== null && (
            <a class="button" href={href(`deliveries/${segment(delivery.id)}`)}>
              {words.seeLast}
            </a>
          )
        )
      }
    >
      <strong>{words.failingSince(absolute(Date.parse(since), locale()))}</strong>{' '}
      {delivery?.lastResponseCode !== undefined ? words.failingSaid(delivery.lastResponseCode) : explained}{' '}
      {delivery?.nextAttemptAt !== undefined && words.failingNext(relative(Date.parse(delivery.nextAttemptAt), now.value, base().time))}
    </Notice>
  );
}
