// A test event: what is sent, the wait, and what came back; again without reopening. The page that
// asks adds the field that it leaves open: the type, or the webhook.

import { useEffect, useId, useRef, useState } from 'preact/hooks';

import { api, take } from '../api/client';
import { type ApiError, asError } from '../api/problem';
import type { components } from '../api/schema';
import { can } from '../api/session';
import { factsOf } from '../lib/contract-facts';
import { builtin } from '../lib/contracts';
import type { CatalogueType } from '../lib/event-filters';
import { segment } from '../lib/place';
import { preview, type PreviewContract } from '../lib/preview';
import { safeBlock, safeLine } from '../lib/safe-text';
import { refreshNow } from '../lib/refresh';
import { useTenant } from '../lib/tenant';
import { duration } from '../lib/time';
import { base, locale, texts } from '../texts';
import { Dialog } from './dialog';
import { sentence } from './state';
import { Notice, Wrong } from './status';

type Webhook = components['schemas']['Webhook'];
type Result = components['schemas']['WebhookTestResult'];

/** The type that the server chooses itself. */
export const PLAIN = 'test.webhook';
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

function useTest(tenantId: string) {
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
  const send = async (webhookId: string, type: string): Promise<void> => {
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
      setResult(await take(api.POST('/v1/tenants/{tenantId}/webhooks/{webhookId}/test', { params: { path: { tenantId, webhookId } }, body: type === PLAIN ? {} : { type }, signal: own.signal })));
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

interface Props {
  title: string;
  /** The button's word: a vendor has its own. */
  sendLabel: string;
  /** Undefined: there is none, and nothing can be sent. */
  webhook: Webhook | undefined;
  type: string;
  /** The type's entry in the catalogue. */
  entry: CatalogueType | undefined;
  onSend?: () => void;
  /** Sends as soon as it is opened. */
  atOnce?: boolean;
  onClose: () => void;
  /** The field that is left open. */
  children: preact.ComponentChildren;
}

export function TestEvent({ title, sendLabel, webhook, type, entry, onSend, atOnce, onClose, children }: Props) {
  const words = texts('webhook').test;
  const { id: tenantId } = useTenant();
  const test = useTest(tenantId);
  const form = useId();
  const submit = (event?: Event): void => {
    event?.preventDefault();
    if (webhook === undefined) return;
    onSend?.();
    void test.send(webhook.id, type);
  };
  useEffect(() => {
    if (atOnce === true) submit();
  }, []);
  // What the page below shows is older than the test.
  const sent = test.result !== undefined;
  useEffect(() => (sent ? () => void refreshNow() : undefined), [sent]);
  return (
    <Dialog
      title={title}
      wide
      onClose={onClose}
      foot={
        <>
          <button type="button" class="button" onClick={test.running ? test.cancel : onClose}>
            {test.running ? base().words.cancel : base().words.close}
          </button>
          {webhook !== undefined && (
            <button type="submit" form={form} class="button primary" aria-disabled={test.running}>
              {test.result !== undefined || test.error !== undefined ? words.again : sendLabel}
            </button>
          )}
        </>
      }
    >
      <form id={form} class="stack" onSubmit={submit}>
        {children}
        {webhook !== undefined && <Sent {...previewOf(webhook, tenantId, type, entry)} />}
      </form>
      <div role="status">
        {test.running && <Notice tone="wait">{words.waiting(test.seconds)}</Notice>}
        {test.cancelled && <Notice tone="warn">{words.cancelled}</Notice>}
        {test.result !== undefined && <Outcome result={test.result} webhook={webhook} />}
      </div>
      <Wrong text={test.error && sentence(test.error)} />
    </Dialog>
  );
}

function Sent({ text, whole }: { text: string; whole: boolean }) {
  const words = texts('webhook').test;
  return (
    <details>
      <summary>{words.preview}</summary>
      <div class="stack-small">
        <pre class="preview" tabIndex={0}>
          {safeBlock(text)}
        </pre>
        <span class="help">{whole ? words.previewHelp : words.previewData}</span>
      </div>
    </details>
  );
}

function Outcome({ result, webhook }: { result: Result; webhook: Webhook | undefined }) {
  const words = texts('webhook').test;
  const { href } = useTenant();
  const explained = result.errorCode === undefined ? undefined : base().reasons[result.errorCode];
  const facts = [result.responseCode === undefined ? undefined : words.code(result.responseCode), result.responseTimeMs === undefined ? undefined : words.time(duration(result.responseTimeMs, locale()))].filter((part) => part !== undefined);
  return (
    <Notice tone={result.success ? 'ok' : 'bad'} icon={result.success ? 'ok' : 'bad'} action={can('deliveries:read') ? <a href={href(`deliveries/${segment(result.deliveryId)}`)}>{words.see}</a> : undefined}>
      <strong>{result.success ? words.success : words.failed}</strong>
      {facts.length > 0 && ` · ${facts.join(' · ')}`}
      {!result.success && (explained ?? result.error) !== undefined && <p>{explained ?? safeLine(result.error ?? '')}</p>}
      {!result.success && result.responseCode !== undefined && result.responseCode < 300 && <p>{words.notCounted(factsOf(webhook?.contract).success?.join(', ') ?? words.otherCode)}</p>}
      {!result.success && explained !== undefined && result.error !== undefined && <p class="soft small">{safeLine(result.error)}</p>}
    </Notice>
  );
}
