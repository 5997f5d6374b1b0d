// "Nothing arrives": the page runs the checks itself and says what it found.

import { useState } from 'preact/hooks';

import { api, take } from '../../api/client';
import { can } from '../../api/session';
import type { components } from '../../api/schema';
import { checksOf, type Check, type Facts } from '../../lib/checks';
import { query } from '../../lib/place';
import { now } from '../../lib/refresh';
import { safeLine } from '../../lib/safe-text';
import { readStats } from '../../lib/stats';
import { useTenant } from '../../lib/tenant';
import { relative } from '../../lib/time';
import { Field } from '../../parts/field';
import { Icon, type IconName } from '../../parts/icon';
import { Notice, type Tone } from '../../parts/status';
import { base, texts } from '../../texts';
import './help.css';

type Webhook = components['schemas']['Webhook'];

/** What the API says; a part that cannot be read is left out, so that the others still help. */
async function facts(tenantId: string, webhook: Webhook, type: string | undefined): Promise<Facts> {
  const mayRead = can('deliveries:read');
  const optional = async <T,>(call: () => Promise<T>): Promise<T | undefined> => (mayRead ? call().catch(() => undefined) : undefined);
  const [lastEvent, lastDelivery, stats, explained] = await Promise.all([
    optional(async () => (await take(api.GET('/v1/tenants/{tenantId}/events', { params: { path: { tenantId }, query: { type, limit: 1 } } }))).items[0] ?? null),
    optional(async () => (await take(api.GET('/v1/tenants/{tenantId}/deliveries', { params: { path: { tenantId }, query: { webhookId: webhook.id, type, limit: 1 } } }))).items[0] ?? null),
    type === undefined ? optional(() => readStats(tenantId)) : undefined,
    type === undefined ? undefined : optional(async () => (await take(api.POST('/v1/tenants/{tenantId}/events/explain', { params: { path: { tenantId } }, body: { type, data: {} } }))).webhooks.find((one) => one.webhookId === webhook.id)),
  ]);
  return { webhook, type, lastEvent, lastDelivery, unmatched: stats?.unmatchedEvents, explained };
}

interface Props {
  webhooks: Webhook[];
  types: string[];
  first?: string;
}

export function FindCause({ webhooks, types, first }: Props) {
  const words = texts('help').nothing;
  const { id: tenantId, href } = useTenant();
  const [webhookId, setWebhookId] = useState(webhooks.find((one) => one.id === first)?.id ?? webhooks[0]?.id ?? '');
  const [type, setType] = useState('');
  const [found, setFound] = useState<{ webhook: Webhook; checks: Check[]; type: string } | null>(null);
  const [busy, setBusy] = useState(false);
  const webhook = webhooks.find((one) => one.id === webhookId);
  if (webhook === undefined) {
    return (
      <>
        <p>{words.none}</p>
        {can('webhooks:write') && <a href={href('webhooks/new')}>{words.create}</a>}
      </>
    );
  }
  const look = async (): Promise<void> => {
    if (busy) return;
    setBusy(true);
    setFound(null);
    const fresh = await take(api.GET('/v1/tenants/{tenantId}/webhooks/{webhookId}', { params: { path: { tenantId, webhookId } } })).catch(() => webhook);
    const wanted = type.trim();
    setFound({ webhook: fresh, checks: checksOf(await facts(tenantId, fresh, wanted === '' ? undefined : wanted)), type: wanted });
    setBusy(false);
  };
  return (
    <div class="stack">
      <p>{words.text}</p>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void look();
        }}
      >
        <Field name="webhook" label={words.webhook} shown>
          {(attributes) => (
            <select {...attributes} value={webhookId} onChange={(event) => setWebhookId(event.currentTarget.value)}>
              {webhooks.map((one) => (
                <option key={one.id} value={one.id}>
                  {safeLine(one.name ?? one.url)}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field name="type" label={words.type} help={words.typeHelp}>
          {(attributes) => <input {...attributes} class="mono" list="help-types" autocomplete="off" spellcheck={false} value={type} onInput={(event) => setType(event.currentTarget.value)} />}
        </Field>
        <datalist id="help-types">
          {types.map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
        <div>
          <button type="submit" class="button primary" aria-disabled={busy}>
            {busy ? words.running : words.run}
          </button>
        </div>
      </form>
      <div role="status">{found !== null && <Found {...found} />}</div>
    </div>
  );
}

const LOOKS: Record<Check['result'], [Tone, IconName]> = { ok: ['ok', 'ok'], problem: ['bad', 'bad'], unknown: ['off', 'off'], waits: ['wait', 'wait'] };

function Found({ webhook, checks, type }: { webhook: Webhook; checks: Check[]; type: string }) {
  const { nothing } = texts('help');
  const words: Record<Check['result'], string> = { ok: nothing.ok, problem: nothing.found, unknown: nothing.unknown, waits: nothing.waits };
  const problems = checks.filter((one) => one.result === 'problem').length;
  return (
    <div class="stack">
      <Notice tone={problems === 0 ? 'ok' : 'bad'}>
        <strong>{problems === 0 ? nothing.verdictOk : nothing.verdictProblem(problems)}</strong>
      </Notice>
      <ul class="checks">
        {checks.map((check) => (
          <li key={check.id}>
            <span>
              <span class={`status tone-${LOOKS[check.result][0]}`}>
                <Icon name={LOOKS[check.result][1]} />
                {words[check.result]}
              </span>
            </span>
            <span>
              <Sentence check={check} type={type} /> <Way check={check} webhook={webhook} />
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Sentence({ check, type }: { check: Check; type: string }) {
  const words = texts('help').checks;
  const ago = (at: string | undefined): string => (at === undefined ? '' : relative(Date.parse(at), now.value, base().time));
  const why = (code: string | undefined): string => (code === undefined ? '' : (base().reasons[code] ?? safeLine(code)));
  switch (check.id) {
    case 'active':
      if (check.result === 'ok') return <>{words.activeOk}</>;
      return <>{check.reason === undefined ? words.activeProblem : check.reason === 'gone' ? words.activeGone : words.activeFailed}</>;
    case 'events': {
      const filters = check.filters.map(safeLine).join(', ');
      return <>{check.result === 'ok' ? words.eventsOk(filters) : words.eventsProblem(safeLine(type), filters)}</>;
    }
    case 'unmatched':
      return <>{texts('webhooks').list.unmatched(check.count)}</>;
    case 'published':
      return <>{check.result === 'ok' ? words.publishedOk(ago(check.at)) : check.result === 'problem' ? words.publishedProblem : words.publishedUnknown}</>;
    case 'after':
      return <>{words.after(ago(check.at))}</>;
    case 'address':
      return <>{words.address(why(check.errorCode))}</>;
    case 'explained':
      return <>{check.result === 'ok' ? words.explainedOk : words.explainedProblem(safeLine(check.detail))}</>;
    case 'delivered': {
      if (check.result === 'unknown') return <>{words.deliveredUnknown}</>;
      if (check.at === undefined) return <>{words.deliveredNone}</>;
      if (check.result === 'ok') return <>{words.deliveredOk(ago(check.at), String(check.code ?? ''))}</>;
      if (check.result === 'waits') return <>{words.deliveredWaits(ago(check.at))}</>;
      const text = check.code === undefined ? words.deliveredError(ago(check.at), why(check.errorCode)) : words.deliveredCode(ago(check.at), String(check.code));
      return <>{check.next === undefined ? text : `${text} ${words.next(ago(check.next))}`}</>;
    }
  }
}

function Way({ check, webhook }: { check: Check; webhook: Webhook }) {
  const words = texts('help').checks;
  const { href } = useTenant();
  if (check.id === 'unmatched') return <a href={`${href('events')}${query({ wanted: 'false', time: '24h' })}`}>{texts('webhooks').list.seeUnmatched}</a>;
  if (check.id === 'published' && check.eventId !== undefined) return <a href={href(`events/${encodeURIComponent(check.eventId)}`)}>{words.toEvent}</a>;
  if (check.id === 'delivered' && check.deliveryId !== undefined) return <a href={href(`deliveries/${encodeURIComponent(check.deliveryId)}`)}>{words.toDelivery}</a>;
  if ((check.id === 'active' || check.id === 'events') && check.result === 'problem') return <a href={href(`webhooks/${encodeURIComponent(webhook.id)}`)}>{words.toWebhook}</a>;
  return null;
}
