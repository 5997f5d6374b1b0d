// All settings, with the secret's rotation, and what ends the webhook.

import { useState } from 'preact/hooks';

import { api, take } from '../../api/client';
import { can } from '../../api/session';
import { factsOf } from '../../lib/contract-facts';
import { delaysText } from '../../lib/delays';
import { now } from '../../lib/refresh';
import { safeLine } from '../../lib/safe-text';
import { useTenant } from '../../lib/tenant';
import { relative } from '../../lib/time';
import { Confirm } from '../../parts/dialog';
import { say } from '../../parts/toast';
import { FullTime } from '../../parts/time';
import { base, texts } from '../../texts';
import type { Actions } from '../webhooks/actions';
import { vendorWords, type Webhook } from '../webhooks/data';

export function Settings({ webhook, actions, onChanged }: { webhook: Webhook; actions: Actions; onChanged: (webhook: Webhook) => void }) {
  const words = texts('webhook').detail;
  const vendor = vendorWords(webhook.contract);
  const facts = factsOf(webhook.contract);
  const write = can('webhooks:write');
  const timeout = webhook.overrides.timeoutSeconds ?? facts.timeoutSeconds;
  const delays = webhook.overrides.retryDelaysSeconds ?? facts.retryDelaysSeconds;
  const headers = Object.keys(webhook.headers ?? {});
  return (
    <>
      <dl class="facts card">
        <dt>{texts('webhook').detail.contract}</dt>
        <dd>{safeLine(webhook.contract)}</dd>
        <dt>{words.timeout}</dt>
        <dd>{timeout === undefined ? base().words.unknown : base().time.seconds(timeout)}</dd>
        <dt>{words.delays}</dt>
        <dd>{delays === undefined ? base().words.unknown : delays.length === 0 ? words.noRetries : delaysText(delays)}</dd>
        <dt>{words.basicAuth}</dt>
        <dd>{webhook.basicAuth === undefined ? words.basicAuthOff : words.basicAuthUser(safeLine(webhook.basicAuth.username ?? ''))}</dd>
        <dt>{words.headers}</dt>
        <dd>{headers.length === 0 ? base().words.none : headers.map(safeLine).join(', ')}</dd>
        <dt>{words.secret}</dt>
        <dd class="stack-small">
          {facts.signs ? <Secret webhook={webhook} actions={actions} onChanged={onChanged} /> : words.secretNone}
        </dd>
        <dt>{words.updated}</dt>
        <dd>
          <FullTime at={webhook.updatedAt} />
        </dd>
      </dl>
      {write && (
        <section class="card stack-small">
          <h2>{words.danger}</h2>
          <p>{words.dangerText}</p>
          <div class="row">
            <button type="button" class="button" onClick={() => actions.toggle(webhook)}>
              {webhook.active ? vendor.deactivate : vendor.activate}
            </button>
            <button type="button" class="button" onClick={() => actions.remove(webhook)}>
              {vendor.removeAction}
            </button>
          </div>
        </section>
      )}
    </>
  );
}

function Secret({ webhook, actions, onChanged }: { webhook: Webhook; actions: Actions; onChanged: (webhook: Webhook) => void }) {
  const words = texts('webhooks');
  const { detail } = texts('webhook');
  const { id: tenantId } = useTenant();
  const [asking, setAsking] = useState(false);
  const write = can('webhooks:write');
  const old = webhook.previousSecrets.filter((one) => Date.parse(one.endsAt) > now.value);
  const end = async (): Promise<void> => {
    onChanged(await take(api.DELETE('/v1/tenants/{tenantId}/webhooks/{webhookId}/secret/previous', { params: { path: { tenantId, webhookId: webhook.id } } })));
    say(detail.ended);
    setAsking(false);
  };
  return (
    <>
      <span class="row">
        {detail.secretSet}
        {write && (
          <button type="button" class="button" onClick={() => actions.rotate(webhook)}>
            {words.actions.rotate}
          </button>
        )}
      </span>
      {old.map((one) => (
        <span key={one.endsAt}>{detail.oldSecret(relative(Date.parse(one.endsAt), now.value, base().time))}</span>
      ))}
      {old.length > 0 && write && (
        <span>
          <button type="button" class="button" onClick={() => setAsking(true)}>
            {detail.endOld}
          </button>
        </span>
      )}
      {asking && (
        <Confirm title={detail.endOldTitle} action={detail.endOld} onClose={() => setAsking(false)} onConfirm={end}>
          <p>{detail.endOldText}</p>
        </Confirm>
      )}
    </>
  );
}
