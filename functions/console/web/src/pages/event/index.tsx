// One event: what was published, who got it, who did not, and why.

import '../log/log.css';
import '../delivery/delivery.css';
import './event.css';
import type { PageProps } from '../../app';
import { api, take } from '../../api/client';
import type { components } from '../../api/schema';
import { fileName } from '../../lib/download';
import { sourceOf } from '../../lib/json';
import { useTypeNames, useWebhookNames, type WebhookNames } from '../../lib/names';
import { now } from '../../lib/refresh';
import { useResource } from '../../lib/resource';
import { safeLine } from '../../lib/safe-text';
import { useTenant } from '../../lib/tenant';
import { relative } from '../../lib/time';
import { BodyView } from '../../parts/body-view';
import { Id } from '../../parts/copy';
import { Page } from '../../parts/page';
import { Read } from '../../parts/state';
import { Notice, Status, type Tone } from '../../parts/status';
import { type Column, Table } from '../../parts/table';
import { FullTime, Time } from '../../parts/time';
import { base, texts } from '../../texts';
import { Explanation } from './explanation';

type Event = components['schemas']['Event'];
type Delivery = components['schemas']['Delivery'];

interface Published {
  event: Event;
  /** As they were published: a number keeps its digits. */
  data: string | undefined;
  context: string | undefined;
}

async function read(tenantId: string, eventId: string, signal: AbortSignal): Promise<Published> {
  const text = await take(api.GET('/v1/tenants/{tenantId}/events/{eventId}', { params: { path: { tenantId, eventId } }, parseAs: 'text', signal }));
  return { event: JSON.parse(text) as Event, data: sourceOf(text, 'data'), context: sourceOf(text, 'context') };
}

export default function EventPage({ params }: PageProps) {
  const t = texts('events');
  const tenant = useTenant();
  const id = params['id'] ?? '';
  const from = useResource(`event ${tenant.id} ${id}`, (signal) => read(tenant.id, id, signal));
  const names = useWebhookNames(tenant.id);
  const types = useTypeNames();
  const event = from.data?.event;
  const back = { href: tenant.href('events'), label: t.back };
  return (
    <Page title={event === undefined ? t.one : (types.of(event.type) ?? event.type)} back={back}>
      <Read
        from={from}
        rows={6}
        back={
          <a class="button" href={back.href}>
            {t.back}
          </a>
        }
      >
        {(shown) => (
          <>
            <Answer event={shown.event} />
            <Facts event={shown.event} />
            <Deliveries event={shown.event} names={names} />
            <Explanation event={shown.event} names={names} />
            <Payload {...shown} />
          </>
        )}
      </Read>
    </Page>
  );
}

/** The page's first sentence. */
function Answer({ event }: { event: Event }) {
  const t = texts('events').sentence;
  const { deliveries } = event;
  const all = deliveries.length;
  const count = (status: string): number => deliveries.filter((delivery) => delivery.status === status).length;
  const failed = count('failed');
  const completed = count('completed');
  const [tone, text]: [Tone, string] =
    failed > 0 ? ['bad', t.failed(failed, all)] : all === 0 ? ['off', t.nobody] : completed === all ? ['ok', t.all(all)] : ['wait', t.some(completed, all)];
  return (
    <Notice tone={tone}>
      <strong>{text}</strong>
    </Notice>
  );
}

function Facts({ event }: { event: Event }) {
  const t = texts('events');
  return (
    <dl class="facts delivery-facts">
      <dt>{t.columns.type}</dt>
      <dd>
        <span class="mono">{safeLine(event.type)}</span>
      </dd>
      <dt>{t.columns.occurred}</dt>
      <dd>
        <FullTime at={event.timestamp} />
      </dd>
      <dt>{t.eventId}</dt>
      <dd>
        <Id id={event.id} what={t.eventId} max={34} />
      </dd>
      <dt>{t.columns.created}</dt>
      <dd>
        <FullTime at={event.acceptedAt} />
      </dd>
      {event.messageId !== undefined && (
        <>
          <dt>{t.messageId}</dt>
          <dd>
            <Id id={event.messageId} what={t.messageId} max={40} />
          </dd>
        </>
      )}
    </dl>
  );
}

function Deliveries({ event, names }: { event: Event; names: WebhookNames }) {
  const t = texts('events');
  const log = texts('log');
  const { href } = useTenant();
  const columns: Column<Delivery>[] = [
    {
      id: 'webhook',
      head: log.columns.webhook,
      kind: 'name',
      cell: ({ id, webhookId }) => <a href={href(`deliveries/${encodeURIComponent(id)}`)}>{names.of(webhookId)}</a>,
    },
    { id: 'status', head: log.columns.status, cell: ({ status }) => <Status name={status} /> },
    { id: 'attempts', head: log.columns.attempts, number: true, cell: ({ attempts }) => attempts },
    { id: 'code', head: log.columns.codeLong, number: true, cell: ({ lastResponseCode }) => lastResponseCode ?? '–' },
    { id: 'processed', head: log.columns.processed, cell: ({ processedAt }) => <Time at={processedAt} none="–" /> },
    { id: 'next', head: log.columns.next, cell: ({ nextAttemptAt }) => <Time at={nextAttemptAt} none="–" /> },
    {
      id: 'error',
      head: log.columns.errorLong,
      cell: (delivery) => (delivery.status === 'completed' ? '–' : safeLine(texts('failures').ofDelivery(delivery)) || '–'),
    },
  ];
  return (
    <section class="stack-small" aria-labelledby="deliveries">
      <div class="row spread">
        <h2 id="deliveries">{t.deliveries}</h2>
        {event.deliveries.length > 0 && <a href={`${href('log')}?event=${encodeURIComponent(event.id)}`}>{t.log}</a>}
      </div>
      {event.deliveries.length === 0 ? (
        <p class="soft">{t.noDeliveries}</p>
      ) : (
        <Table caption={t.deliveries} columns={columns} rows={event.deliveries} idOf={({ id }) => id} />
      )}
    </section>
  );
}

function Payload({ event, data, context }: Published) {
  const t = texts('events');
  return (
    <>
      <section class="stack-small" aria-labelledby="payload">
        <h2 id="payload">{t.payload}</h2>
        {event.erasedAt !== undefined ? (
          <p>{t.payloadErased(relative(Date.parse(event.erasedAt), now.value, base().time))}</p>
        ) : data === undefined ? (
          <p class="soft">{t.noPayload}</p>
        ) : (
          <BodyView text={data} label={t.payload} file={fileName(event.id, 'payload.txt')} />
        )}
      </section>
      {context !== undefined && context !== '{}' && event.erasedAt === undefined && (
        <section class="stack-small" aria-labelledby="context">
          <h2 id="context">{t.context}</h2>
          <BodyView text={context} label={t.context} file={fileName(event.id, 'context.txt')} />
        </section>
      )}
    </>
  );
}
