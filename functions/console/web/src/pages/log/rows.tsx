// The table. A row changes in place; new rows are counted and come when the person asks.

import { useLocation } from 'preact-iso';
import { useEffect, useState } from 'preact/hooks';

import { can } from '../../api/session';
import { download } from '../../lib/download';
import type { TypeNames, WebhookNames } from '../../lib/names';
import type { Pages } from '../../lib/resource';
import type { Delivery } from '../../lib/retry';
import { safeLine } from '../../lib/safe-text';
import { useTenant } from '../../lib/tenant';
import { duration } from '../../lib/time';
import { leaveTrail } from '../../lib/trail';
import { inVendorsOrder, vendorLog } from '../../lib/vendor-log';
import { Confirm } from '../../parts/dialog';
import { Hinted } from '../../parts/hint';
import { ListTable } from '../../parts/list';
import { Status } from '../../parts/status';
import type { Column } from '../../parts/table';
import { Time } from '../../parts/time';
import { say } from '../../parts/toast';
import { useRetry } from '../../parts/use-retry';
import { locale, texts } from '../../texts';
import type { LogColumn } from '../../texts/en/log';
import { asCsv, asNdjson } from './export';

interface RowsProps {
  list: Pages<Delivery>;
  rows: Delivery[];
  names: WebhookNames;
  types: TypeNames;
  contract: string | undefined;
  withWebhook: boolean;
}

export function Rows({ list, rows, names, types, contract, withWebhook }: RowsProps) {
  const t = texts('log');
  const tenant = useTenant();
  const { url } = useLocation();
  const retry = useRetry<Delivery>((now) => list.update((all) => all.map((row) => (row.id === now.id ? now : row))));
  const [resending, setResending] = useState<Delivery | null>(null);
  useEffect(
    () =>
      leaveTrail(
        url,
        rows.map(({ id }) => id),
      ),
    [rows, url],
  );

  const save = (name: string, text: string): void => {
    download(name, text);
    say(t.downloaded(rows.length));
  };
  return (
    <>
      <ListTable
        list={list}
        rows={rows}
        caption={t.caption}
        columns={columns({ names, types, contract, withWebhook, retry, ask: setResending, href: tenant.href })}
        idOf={({ id }) => id}
        shown={t.shown(rows.length)}
        fresh={t.fresh}
        tools={
          <>
            <button type="button" class="button plain" onClick={() => save('deliveries.csv', asCsv(rows, names.of))}>
              {t.download}
            </button>
            <button type="button" class="button plain" onClick={() => save('deliveries.ndjson', asNdjson(rows))}>
              {t.downloadNdjson}
            </button>
          </>
        }
        wrap={(table) => (
          <div class="log-table" role="region" aria-label={t.caption} tabIndex={0}>
            {table}
          </div>
        )}
      />
      {resending !== null && (
        <Confirm
          title={t.resendTitle}
          action={t.resendConfirm}
          danger={false}
          onClose={() => setResending(null)}
          onConfirm={() => {
            void retry(resending);
            setResending(null);
          }}
        >
          <p>{t.resendText(names.of(resending.webhookId))}</p>
        </Confirm>
      )}
    </>
  );
}

interface CellTools {
  names: WebhookNames;
  types: TypeNames;
  contract: string | undefined;
  withWebhook: boolean;
  retry: (delivery: Delivery) => Promise<void>;
  /** Asks before it is sent again. */
  ask: (delivery: Delivery) => void;
  href: (path: string) => string;
}

function columns({ names, types, contract, withWebhook, retry, ask, href }: CellTools): Column<Delivery>[] {
  const c = texts('log').columns;
  const vendor = vendorLog(contract);
  const webhook: Column<Delivery> = {
    id: 'webhook',
    head: c.webhook,
    // Tab stops at a row's link and its button; the delivery's page leads to the webhook, too.
    cell: ({ webhookId }) => (
      <a class="cut" tabIndex={-1} data-hint={names.of(webhookId)} href={href(`webhooks/${encodeURIComponent(webhookId)}`)}>
        {names.of(webhookId)}
      </a>
    ),
  };
  const all: Column<Delivery>[] = [
    {
      id: 'event',
      head: c.event,
      kind: 'name',
      cell: (row) => <EventCell row={row} name={types.of(row.eventType)} href={href(`deliveries/${encodeURIComponent(row.id)}`)} />,
    },
    ...(withWebhook ? [webhook] : []),
    { id: 'status', head: c.status, cell: (row) => <StatusCell row={row} words={vendor.status} /> },
    { id: 'attempts', head: c.attempts, number: true, cell: ({ attempts }) => attempts },
    { id: 'code', head: c.code, label: c.codeLong, number: true, cell: ({ lastResponseCode }) => lastResponseCode ?? <None /> },
    {
      id: 'duration',
      head: c.duration,
      number: true,
      cell: ({ lastDurationMs }) => (lastDurationMs === undefined ? <None /> : <span class="nowrap">{duration(lastDurationMs, locale())}</span>),
    },
    { id: 'occurred', head: c.occurred, cell: ({ eventTimestamp }) => <Time at={eventTimestamp} none="–" /> },
    { id: 'created', head: c.created, cell: ({ createdAt }) => <Time at={createdAt} /> },
    { id: 'processed', head: c.processed, cell: ({ processedAt }) => <Time at={processedAt} none="–" /> },
    { id: 'next', head: c.next, cell: ({ nextAttemptAt }) => <Time at={nextAttemptAt} none="–" /> },
    { id: 'error', head: c.error, label: c.errorLong, cell: (row) => <ErrorCell row={row} /> },
    { id: 'actions', head: c.action, kind: 'actions', cell: (row) => <Actions row={row} retry={retry} ask={ask} webhook={names.of(row.webhookId)} /> },
  ];
  return inVendorsOrder(all, contract).map((column) => {
    const id = column.id as LogColumn;
    return { ...column, head: vendor.columns?.[id] ?? column.head, label: vendor.columns?.[id] ?? column.label, hint: vendor.hints?.[id] };
  });
}

function None() {
  return <span class="soft">–</span>;
}

function EventCell({ row, name, href }: { row: Delivery; name: string | undefined; href: string }) {
  const t = texts('log');
  return (
    <span class="event-cell">
      <a class="cut" href={href} data-hint={safeLine(row.eventType)}>
        {safeLine(row.eventType)}
      </a>
      {row.test === true && <span class="badge">{t.testEvent}</span>}
      {name !== undefined && <span class="event-name soft small">{name}</span>}
    </span>
  );
}

function StatusCell({ row, words }: { row: Delivery; words?: Record<string, string> }) {
  return row.manualAttemptWaiting === true ? <Status name="pending" word={texts('log').waitingByHand} /> : <Status name={row.status} word={words?.[row.status]} />;
}

function ErrorCell({ row }: { row: Delivery }) {
  if (row.status === 'completed') return <None />;
  const text = safeLine(texts('failures').ofDelivery(row));
  if (text === '') return <None />;
  return (
    <Hinted class="cut soft" hint={text}>
      {text}
    </Hinted>
  );
}

function Actions({ row, retry, ask, webhook }: Pick<CellTools, 'retry' | 'ask'> & { row: Delivery; webhook: string }) {
  const t = texts('log');
  const type = safeLine(row.eventType);
  if (!can('deliveries:retry') || row.erasedAt !== undefined || row.manualAttemptWaiting === true) return null;
  switch (row.status) {
    case 'failed':
      return (
        <button type="button" class="button small-button" aria-label={t.retryOf(type, webhook)} onClick={() => void retry(row)}>
          {t.retry}
        </button>
      );
    case 'retrying':
      return (
        <button type="button" class="button plain small-button" aria-label={t.retryOf(type, webhook)} onClick={() => void retry(row)}>
          {t.retry}
        </button>
      );
    case 'completed':
      return (
        <button type="button" class="button plain small-button" aria-label={t.resendOf(type, webhook)} onClick={() => ask(row)}>
          {t.resend}
        </button>
      );
    default:
      return null;
  }
}
