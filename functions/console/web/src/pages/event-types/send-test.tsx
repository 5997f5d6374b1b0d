// A test event of one type, to one webhook.

import { useState } from 'preact/hooks';

import { api, take } from '../../api/client';
import { asError } from '../../api/problem';
import type { components } from '../../api/schema';
import { wants } from '../../lib/event-filter';
import { safeBlock, safeLine } from '../../lib/safe-text';
import { useTenant } from '../../lib/tenant';
import { duration } from '../../lib/time';
import { Dialog } from '../../parts/dialog';
import { Field } from '../../parts/field';
import { sentence } from '../../parts/state';
import { Notice } from '../../parts/status';
import { base, locale, texts } from '../../texts';
import type { EventTypeEntry, Webhook } from '.';

interface Props {
  tenantId: string;
  entry: EventTypeEntry;
  webhooks: Webhook[];
  onClose: () => void;
}

export function SendTest({ tenantId, entry, webhooks, onClose }: Props) {
  const words = texts('eventTypes').test;
  const takers = webhooks.filter((one) => wants(one.events, entry.type));
  const others = webhooks.filter((one) => !takers.includes(one));
  const [to, setTo] = useState((takers.find((one) => one.active) ?? webhooks[0])?.id ?? '');
  const [result, setResult] = useState<components['schemas']['WebhookTestResult'] | null>(null);
  const [error, setError] = useState<string | undefined>();
  const [busy, setBusy] = useState(false);
  const send = async (): Promise<void> => {
    if (busy || to === '') return;
    setBusy(true);
    setResult(null);
    setError(undefined);
    try {
      setResult(await take(api.POST('/v1/tenants/{tenantId}/webhooks/{webhookId}/test', { params: { path: { tenantId, webhookId: to } }, body: { type: entry.type } })));
    } catch (thrown) {
      setError(sentence(asError(thrown)));
    } finally {
      setBusy(false);
    }
  };
  const options = (list: Webhook[]) =>
    list.map((one) => (
      <option key={one.id} value={one.id}>
        {safeLine(one.name ?? one.url)}
      </option>
    ));
  return (
    <Dialog
      title={words.title(safeLine(entry.type))}
      onClose={onClose}
      foot={
        <>
          <button type="button" class="button" onClick={onClose}>
            {base().words.close}
          </button>
          {webhooks.length > 0 && (
            <button type="button" class="button primary" aria-disabled={busy} onClick={() => void send()}>
              {result === null ? words.send : words.again}
            </button>
          )}
        </>
      }
    >
      {webhooks.length === 0 ? (
        <p>{words.none}</p>
      ) : (
        <Field name="webhook" label={words.webhook} shown>
          {(attributes) => (
            <select {...attributes} data-autofocus value={to} onChange={(event) => setTo(event.currentTarget.value)}>
              {takers.length > 0 && others.length > 0 ? (
                <>
                  <optgroup label={words.wanting}>{options(takers)}</optgroup>
                  <optgroup label={words.others}>{options(others)}</optgroup>
                </>
              ) : (
                options(webhooks)
              )}
            </select>
          )}
        </Field>
      )}
      {entry.example !== undefined && (
        <details>
          <summary>{words.preview}</summary>
          <pre tabIndex={0}>{safeBlock(JSON.stringify(entry.example, null, 2))}</pre>
        </details>
      )}
      <div role="status">
        {busy && <p class="soft">{words.sending}</p>}
        {result !== null && <Result result={result} />}
      </div>
      {error !== undefined && (
        <Notice tone="bad" role="alert">
          {error}
        </Notice>
      )}
    </Dialog>
  );
}

function Result({ result }: { result: components['schemas']['WebhookTestResult'] }) {
  const words = texts('eventTypes').test;
  const { href } = useTenant();
  const took = duration(result.responseTimeMs ?? 0, locale());
  const why = result.errorCode === undefined ? undefined : (base().reasons[result.errorCode] ?? safeLine(result.error ?? result.errorCode));
  const text = result.success ? words.success(result.responseCode, took) : result.responseCode === undefined ? words.failed(why ?? safeLine(result.error ?? '')) : words.failedCode(result.responseCode, took);
  return (
    <Notice tone={result.success ? 'ok' : 'bad'} icon={result.success ? 'ok' : 'bad'} action={<a href={href(`deliveries/${encodeURIComponent(result.deliveryId)}`)}>{words.delivery}</a>}>
      {text}
    </Notice>
  );
}
