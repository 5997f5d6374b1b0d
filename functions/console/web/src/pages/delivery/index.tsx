// One delivery: did it arrive, and if not, why? Then what was sent, and every answer.

import { useState } from 'preact/hooks';

import './delivery.css';
import type { PageProps } from '../../app';
import { can } from '../../api/session';
import { ofAttempt, ofDelivery, ofStatus } from '../../lib/explanations';
import { useTypeNames, useWebhookNames } from '../../lib/names';
import { now } from '../../lib/refresh';
import { type Resource, useResource } from '../../lib/resource';
import { type DeliveryDetail, readDelivery } from '../../lib/retry';
import { safeLine } from '../../lib/safe-text';
import { useTenant } from '../../lib/tenant';
import { relative } from '../../lib/time';
import { neighboursOf } from '../../lib/trail';
import { vendorLog } from '../../lib/vendor-log';
import { Id } from '../../parts/copy';
import { Confirm } from '../../parts/dialog';
import { Page } from '../../parts/page';
import { Read } from '../../parts/state';
import { Notice, Status } from '../../parts/status';
import { FullTime } from '../../parts/time';
import { useRetry } from '../../parts/use-retry';
import { base, texts } from '../../texts';
import { Attempts } from './attempts';
import { Pager } from './pager';
import { RequestView } from './request';

export default function DeliveryPage({ params }: PageProps) {
  // Another delivery is another page: no attempt of this one stays selected.
  return <OneDelivery key={params['id']} id={params['id'] ?? ''} />;
}

function OneDelivery({ id }: { id: string }) {
  const t = texts('delivery');
  const tenant = useTenant();
  const delivery = useResource(`delivery ${tenant.id} ${id}`, (signal) => readDelivery(tenant.id, id, signal));
  const names = useWebhookNames(tenant.id);
  const types = useTypeNames();
  const { data } = delivery;
  const neighbours = neighboursOf(id);
  const back = { href: neighbours.href ?? tenant.href('log'), label: t.back };
  const title = data === undefined ? t.title : t.of(types.of(data.eventType) ?? data.eventType, names.of(data.webhookId));
  return (
    <Page
      title={title}
      back={back}
      status={data !== undefined && <Status name={data.status} word={vendorLog(tenant.contract).status?.[data.status]} />}
      actions={
        <>
          {data !== undefined && <RetryButton delivery={data} resource={delivery} webhook={names.of(data.webhookId)} />}
          <Pager neighbours={neighbours} />
        </>
      }
    >
      <Read
        from={delivery}
        rows={6}
        back={
          <a class="button" href={back.href}>
            {t.back}
          </a>
        }
      >
        {(shown) => (
          <>
            <Answer delivery={shown} />
            <Facts delivery={shown} webhook={names.of(shown.webhookId)} />
            <Attempts delivery={shown} request={<RequestView delivery={shown} />} />
          </>
        )}
      </Read>
    </Page>
  );
}

/** The page's first sentence. */
function Answer({ delivery }: { delivery: DeliveryDetail }) {
  const t = texts('delivery');
  const { status, nextAttemptAt, errorCode, lastResponseCode, erasedAt } = delivery;
  const failures = texts('failures');
  const error = safeLine(failures.ofDelivery(delivery));
  const last = delivery.attemptLog[delivery.attemptLog.length - 1];
  const reason = errorCode === undefined ? undefined : ofDelivery(failures, errorCode);
  const advice =
    last?.error !== undefined ? ofAttempt(failures, last.error.code) : lastResponseCode === undefined ? undefined : ofStatus(failures, lastResponseCode);
  const next = nextAttemptAt === undefined ? '' : ` ${t.nextIn(relative(Date.parse(nextAttemptAt), now.value, base().time))}`;
  const tone = status === 'completed' ? 'ok' : status === 'failed' ? 'bad' : status === 'retrying' ? 'warn' : 'wait';
  const text =
    status === 'completed'
      ? t.sentence.completed(String(lastResponseCode ?? ''), delivery.attempts)
      : status === 'failed'
        ? t.sentence.failed(error)
        : status === 'retrying'
          ? t.sentence.retrying(error)
          : status === 'processing'
            ? t.sentence.processing
            : t.sentence.pending;
  return (
    <>
      <Notice tone={tone} icon={status === 'failed' ? 'bad' : status === 'retrying' ? 'retry' : undefined}>
        <strong>{`${text}${next}`}</strong>
        {status !== 'completed' && reason !== undefined && reason !== error && <p>{reason}</p>}
        {status !== 'completed' && advice !== undefined && advice !== reason && advice !== error && <p>{advice}</p>}
        {delivery.manualAttemptWaiting === true && <p>{t.notes.byHand}</p>}
        {delivery.test === true && <p class="soft">{t.test}</p>}
      </Notice>
      {erasedAt !== undefined && <Notice tone="off">{t.notes.erased(relative(Date.parse(erasedAt), now.value, base().time))}</Notice>}
    </>
  );
}

function Facts({ delivery, webhook }: { delivery: DeliveryDetail; webhook: string }) {
  const t = texts('delivery');
  const columns = texts('log').columns;
  const tenant = useTenant();
  return (
    <dl class="facts delivery-facts">
      <dt>{columns.event}</dt>
      <dd>
        <span class="mono">{safeLine(delivery.eventType)}</span>
      </dd>
      <dt>{t.eventId}</dt>
      <dd class="row">
        <Id id={delivery.eventId} what={t.eventId} max={34} />
        <a href={tenant.href(`events/${encodeURIComponent(delivery.eventId)}`)}>{t.eventPage}</a>
      </dd>
      <dt>{columns.webhook}</dt>
      <dd>
        <a href={tenant.href(`webhooks/${encodeURIComponent(delivery.webhookId)}`)}>{webhook}</a>
      </dd>
      <dt>{t.deliveryId}</dt>
      <dd>
        <Id id={delivery.id} what={t.deliveryId} max={34} />
      </dd>
      <dt>{columns.created}</dt>
      <dd>
        <FullTime at={delivery.createdAt} />
      </dd>
    </dl>
  );
}

function RetryButton({ delivery, resource, webhook }: { delivery: DeliveryDetail; resource: Resource<DeliveryDetail>; webhook: string }) {
  const t = texts('log');
  const [asked, setAsked] = useState(false);
  const [busy, setBusy] = useState(false);
  const request = useRetry(resource.set);
  const { status, erasedAt } = delivery;
  if (!can('deliveries:retry') || erasedAt !== undefined || (status !== 'failed' && status !== 'retrying' && status !== 'completed')) return null;
  const waits = busy || delivery.manualAttemptWaiting === true;
  const retry = async (): Promise<void> => {
    setAsked(false);
    setBusy(true);
    await request(delivery);
    setBusy(false);
  };
  return (
    <>
      <button
        type="button"
        class={status === 'completed' ? 'button' : 'button primary'}
        aria-disabled={waits}
        onClick={() => !waits && (status === 'completed' ? setAsked(true) : void retry())}
      >
        {waits ? t.waitingByHand : status === 'completed' ? t.resendAsk : status === 'failed' ? t.retry : t.retryNow}
      </button>
      {asked && (
        <Confirm title={t.resendTitle} action={t.resendConfirm} danger={false} onClose={() => setAsked(false)} onConfirm={() => void retry()}>
          <p>{t.resendText(webhook)}</p>
        </Confirm>
      )}
    </>
  );
}
