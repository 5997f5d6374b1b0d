// A test event: choose a type, see what is sent, send, see what came back; again without reopening.

import { useEffect, useId, useMemo, useRef, useState } from 'preact/hooks';

import { api, take } from '../../api/client';
import { type ApiError, asError } from '../../api/problem';
import type { components } from '../../api/schema';
import { can } from '../../api/session';
import { builtin } from '../../lib/contracts';
import { type CatalogueType, ownFirst } from '../../lib/event-filters';
import { segment } from '../../lib/place';
import { preview, type PreviewContract } from '../../lib/preview';
import { useResource } from '../../lib/resource';
import { safeBlock, safeLine } from '../../lib/safe-text';
import { recall, remember } from '../../lib/store';
import { useTenant } from '../../lib/tenant';
import { duration } from '../../lib/time';
import { Dialog } from '../../parts/dialog';
import { Field } from '../../parts/field';
import { sentence } from '../../parts/state';
import { Notice } from '../../parts/status';
import { base, locale, texts } from '../../texts';
import { catalogueOf, nameOf, vendorWords, type Webhook } from './data';

type Result = components['schemas']['WebhookTestResult'];

const PLAIN = 'test.webhook';
const SEARCH_FROM = 13;
const MAX_WAIT_SECONDS = 28;

/** What is sent, if the contract is known here; otherwise the data alone. */
function previewOf(webhook: Webhook, tenantId: string, type: string, entry: CatalogueType | undefined): { text: string; whole: boolean } {
  const data = entry?.example ?? { message: 'This is a test event.' };
  const contract = builtin(webhook.contract) as (PreviewContract & { testEnvelope?: unknown }) | undefined;
  try {
    if (contract !== undefined) {
      const now = new Date();
      const context = (webhook.context ?? {}) as Record<string, unknown>;
      const event = { id: 'evt_…', type, typeName: entry?.name, timestamp: now.toISOString(), tenantId, webhookId: webhook.id, uuid: '…', data, context, at: now.getTime() };
      const { body } = preview({ ...contract, envelope: contract.testEnvelope ?? contract.envelope }, event);
      return { text: JSON.stringify(JSON.parse(body), null, 2), whole: true };
    }
  } catch {
    // A placeholder that the page does not know: the data is still right.
  }
  return { text: JSON.stringify(data, null, 2), whole: false };
}

function useTest(webhook: Webhook, tenantId: string) {
  const [since, setSince] = useState<number | undefined>();
  const [seconds, setSeconds] = useState(0);
  const [result, setResult] = useState<Result | undefined>();
  const [error, setError] = useState<ApiError | undefined>();
  const [cancelled, setCancelled] = useState(false);
  const control = useRef<AbortController | null>(null);
  useEffect(() => () => control.current?.abort(), []);
  useEffect(() => {
    if (since === undefined) return undefined;
    const timer = setInterval(() => setSeconds(Math.floor((Date.now() - since) / 1000)), 250);
    return () => clearInterval(timer);
  }, [since]);
  const send = async (type: string): Promise<void> => {
    if (since !== undefined) return;
    const own = new AbortController();
    control.current = own;
    setSince(Date.now());
    setSeconds(0);
    setResult(undefined);
    setError(undefined);
    setCancelled(false);
    const timer = setTimeout(() => own.abort(), MAX_WAIT_SECONDS * 1000);
    try {
      setResult(await take(api.POST('/v1/tenants/{tenantId}/webhooks/{webhookId}/test', { params: { path: { tenantId, webhookId: webhook.id } }, body: type === PLAIN ? {} : { type }, signal: own.signal })));
    } catch (thrown) {
      if (own.signal.aborted) setCancelled(true);
      else setError(asError(thrown));
    } finally {
      clearTimeout(timer);
      setSince(undefined);
    }
  };
  return { running: since !== undefined, seconds, result, error, cancelled, send, cancel: () => control.current?.abort() };
}

export function TestDialog({ webhook, onClose }: { webhook: Webhook; onClose: () => void }) {
  const words = texts('webhooks').test;
  const vendor = vendorWords(webhook.contract);
  const { id: tenantId } = useTenant();
  const stored = `postel.test.${webhook.id}`;
  const read = useResource('catalogue', catalogueOf, { refresh: false });
  const catalogue = read.data ?? [];
  const { own, others } = useMemo(() => ownFirst(catalogue, webhook.events), [read.data, webhook.events]);
  const [chosen, setChosen] = useState<string | undefined>(recall('sessionStorage', stored) ?? undefined);
  const [search, setSearch] = useState('');
  const type = chosen ?? own[0]?.type ?? PLAIN;
  const test = useTest(webhook, tenantId);
  const form = useId();

  const fits = (entry: CatalogueType): boolean => `${entry.type} ${entry.name ?? ''}`.toLowerCase().includes(search.trim().toLowerCase()) || entry.type === type;
  const options = (list: CatalogueType[]) =>
    list.filter(fits).map((entry) => (
      <option key={entry.type} value={entry.type}>
        {safeLine(entry.name === undefined ? entry.type : `${entry.type} (${entry.name})`)}
      </option>
    ));
  const isKnown = type === PLAIN || catalogue.some((entry) => entry.type === type) || own.some((entry) => entry.type === type);
  const shown = previewOf(webhook, tenantId, type, catalogue.find((entry) => entry.type === type));
  const submit = (event: Event): void => {
    event.preventDefault();
    remember('sessionStorage', stored, type);
    void test.send(type);
  };
  return (
    <Dialog
      title={words.title(nameOf(webhook))}
      wide
      onClose={onClose}
      foot={
        <>
          <button type="button" class="button" onClick={test.running ? test.cancel : onClose}>
            {test.running ? base().words.cancel : base().words.close}
          </button>
          <button type="submit" form={form} class="button primary" aria-disabled={test.running}>
            {test.result !== undefined || test.error !== undefined ? words.again : vendor.send}
          </button>
        </>
      }
    >
      <form id={form} class="stack" onSubmit={submit}>
        {catalogue.length >= SEARCH_FROM && <input type="search" aria-label={words.search} placeholder={words.search} autocomplete="off" value={search} onInput={(event) => setSearch(event.currentTarget.value)} />}
        <Field label={words.type} name="type" required>
          {(attributes) => (
            <select {...attributes} value={type} data-autofocus onChange={(event) => setChosen(event.currentTarget.value)}>
              {own.length > 0 && <optgroup label={words.own}>{options(own)}</optgroup>}
              <optgroup label={words.others}>
                <option value={PLAIN}>{words.plain}</option>
                {!isKnown && <option value={type}>{safeLine(type)}</option>}
                {options(others.filter((entry) => entry.type !== PLAIN))}
              </optgroup>
            </select>
          )}
        </Field>
        <details>
          <summary>{words.preview}</summary>
          <div class="stack-small">
            <pre class="preview" tabIndex={0}>
              {safeBlock(shown.text)}
            </pre>
            <span class="help">{shown.whole ? words.previewHelp : words.previewData}</span>
          </div>
        </details>
      </form>
      <div role="status">
        {test.running && <Notice tone="wait">{words.waiting(test.seconds)}</Notice>}
        {test.cancelled && <Notice tone="warn">{words.cancelled}</Notice>}
        {test.result !== undefined && <Outcome result={test.result} />}
      </div>
      {test.error !== undefined && (
        <Notice tone="bad" role="alert">
          {sentence(test.error)}
        </Notice>
      )}
    </Dialog>
  );
}

function Outcome({ result }: { result: Result }) {
  const words = texts('webhooks').test;
  const { href } = useTenant();
  const explained = result.errorCode === undefined ? undefined : base().reasons[result.errorCode];
  const facts = [result.responseCode === undefined ? undefined : words.code(result.responseCode), result.responseTimeMs === undefined ? undefined : words.time(duration(result.responseTimeMs, locale()))].filter((part) => part !== undefined);
  return (
    <Notice tone={result.success ? 'ok' : 'bad'} icon={result.success ? 'ok' : 'bad'} action={can('deliveries:read') ? <a href={href(`deliveries/${segment(result.deliveryId)}`)}>{words.see}</a> : undefined}>
      <strong>{result.success ? words.success : words.failed}</strong>
      {facts.length > 0 && ` · ${facts.join(' · ')}`}
      {!result.success && (explained ?? result.error) !== undefined && <p>{explained ?? safeLine(result.error ?? '')}</p>}
      {!result.success && explained !== undefined && result.error !== undefined && <p class="soft small">{safeLine(result.error)}</p>}
    </Notice>
  );
}
