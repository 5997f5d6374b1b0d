// The list of webhooks: how they are, in one sentence; then the table, those with trouble first.

import { useEffect, useState } from 'preact/hooks';

import './webhooks.css';
import { can } from '../../api/session';
import { failingWebhooks } from '../../lib/counts';
import { summary } from '../../lib/event-filters';
import { query, segment } from '../../lib/place';
import { useResource } from '../../lib/resource';
import { middle, safeLine, urlParts } from '../../lib/safe-text';
import { ofWebhook, type Stats, useStats } from '../../lib/stats';
import { useTenant } from '../../lib/tenant';
import { Hinted } from '../../parts/hint';
import { Icon } from '../../parts/icon';
import { Page } from '../../parts/page';
import { Empty, NothingMatches, Read } from '../../parts/state';
import { Notice, Status } from '../../parts/status';
import { type Column, Table } from '../../parts/table';
import { Time } from '../../parts/time';
import { base, locale, texts } from '../../texts';
import { RowMenu, StatusMenu, useActions } from './actions';
import { allWebhooks, INBOX, nameOf, rateOf, statusOf, troubledFirst, vendorWays, vendorWords, type Webhook } from './data';

const SEARCH_FROM = 8;
const DEFAULT_LIMIT = 25;

export function UrlCell({ url, max = 34 }: { url: string; max?: number }) {
  const { scheme, host, path } = urlParts(url);
  if (url === INBOX) return <Status name="inbox" />;
  return (
    <Hinted hint={safeLine(url)} class="url">
      {scheme}
      <strong class="url-host">{middle(host, max)}</strong>
      <span class="soft">{middle(path, Math.max(12, max - host.length))}</span>
    </Hinted>
  );
}

export function EventsCell({ filters, shown = 1 }: { filters: string[]; shown?: number }) {
  const words = texts('webhooks').list;
  const { text, rest } = summary(filters, { all: words.allEvents, wholeOf: words.wholeOf }, shown);
  const all = filters.map(safeLine).join(', ');
  return rest === 0 && text.length < 40 ? <span>{safeLine(text)}</span> : <Hinted hint={all}>{`${middle(safeLine(text), 40)}${rest > 0 ? `, +${rest}` : ''}`}</Hinted>;
}

function sentenceOf(webhooks: Webhook[]): string {
  const words = texts('webhooks').list;
  const count = (status: string): number => webhooks.filter((webhook) => statusOf(webhook) === status).length;
  const [failing, disabled, slow] = [count('failing'), count('disabled'), count('slow')];
  if (failing + disabled + slow > 0) return words.trouble(failing, disabled, slow);
  return webhooks.every((webhook) => !webhook.active) ? words.allOff : words.allWell;
}

export default function WebhooksPage() {
  const tenant = useTenant();
  const words = texts('webhooks');
  const vendor = vendorWords(tenant.contract);
  const read = useResource(`webhooks ${tenant.id}`, (signal) => allWebhooks(tenant.id, signal));
  const stats = useStats(tenant.id).data;
  const [full, setFull] = useState(false);
  const webhooks = read.data;
  const used = webhooks?.length;
  const allowed = tenant.webhooks?.allowed ?? DEFAULT_LIMIT;
  const isFull = used !== undefined && used >= allowed;
  const actions = useActions({
    onChanged: (changed) => read.set((webhooks ?? []).map((webhook) => (webhook.id === changed.id ? changed : webhook))),
    onRemoved: (removed) => {
      setFull(false);
      read.set((webhooks ?? []).filter((webhook) => webhook.id !== removed.id));
    },
  });
  useEffect(() => {
    if (webhooks === undefined) return;
    failingWebhooks.value = { tenantId: tenant.id, count: webhooks.filter((webhook) => statusOf(webhook) === 'failing' || statusOf(webhook) === 'disabled').length };
  }, [webhooks]);

  // An empty list has its own button, so it is not shown before the list is read.
  const hasSome = used !== undefined && used > 0;
  const add = can('webhooks:write') && (hasSome || vendorWays(tenant.contract).addsAtFirst === true) && (
    <a
      class="button primary"
      href={tenant.href('webhooks/new')}
      aria-disabled={isFull || undefined}
      onClick={(event) => {
        if (!isFull) return;
        event.preventDefault();
        event.stopPropagation();
        setFull(true);
      }}
    >
      <Icon name="plus" />
      {vendor.add}
    </a>
  );
  return (
    <Page
      title={words.title}
      actions={
        <>
          {hasSome && tenant.webhooks !== undefined && (
            <span class="soft" data-hint={words.list.usedLabel(used, allowed)} tabIndex={0}>
              {words.list.used(used, allowed)}
            </span>
          )}
          {add}
        </>
      }
    >
      {full && (
        <Notice tone="warn" role="alert">
          {words.list.full(allowed)}
        </Notice>
      )}
      <Read from={read} rows={5}>
        {(list) => (list.length === 0 ? <First label={vendor.first} /> : <List webhooks={list} stats={stats} actions={actions} />)}
      </Read>
      {actions.dialogs}
    </Page>
  );
}

function First({ label }: { label: string }) {
  const words = texts('webhooks').list;
  const { href } = useTenant();
  return (
    <Empty
      title={words.emptyTitle}
      action={
        <div class="row">
          {can('webhooks:write') ? (
            <a class="button primary" href={href('webhooks/new')}>
              {label}
            </a>
          ) : (
            <p>{words.readOnly}</p>
          )}
          <a href={href('event-types')}>{words.emptyCatalogue}</a>
        </div>
      }
    >
      <ul class="plain-list">
        {words.empty.map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
    </Empty>
  );
}

function List({ webhooks, stats, actions }: { webhooks: Webhook[]; stats: Stats | undefined; actions: ReturnType<typeof useActions> }) {
  const tenant = useTenant();
  const words = texts('webhooks');
  const vendor = vendorWords(tenant.contract);
  const [search, setSearch] = useState('');
  const [status, setStatus] = useState('');
  const editsByName = vendorWays(tenant.contract).editsByName === true && can('webhooks:write');

  const text = search.trim().toLowerCase();
  const rows = troubledFirst(webhooks).filter((webhook) => (status === '' || statusOf(webhook) === status) && `${webhook.name ?? ''} ${webhook.url} ${webhook.id}`.toLowerCase().includes(text));
  const present = [...new Set(webhooks.map(statusOf))];
  const columns: Column<Webhook>[] = [
    { id: 'name', head: words.list.name, kind: 'name', cell: (webhook) => <a href={tenant.href(`webhooks/${segment(webhook.id)}${editsByName ? '/edit' : ''}`)}>{nameOf(webhook)}</a> },
    { id: 'url', head: vendor.url, cell: (webhook) => <UrlCell url={webhook.url} /> },
    { id: 'events', head: vendor.events, cell: (webhook) => <EventsCell filters={webhook.events} shown={2} /> },
    { id: 'status', head: words.list.status, cell: (webhook) => <StatusMenu webhook={webhook} actions={actions} /> },
    ...(can('deliveries:read')
      ? ([
          { id: 'last', head: words.list.last, cell: (webhook) => (stats === undefined ? <span class="soft">…</span> : <Time at={ofWebhook(stats, webhook.id)?.lastTriggeredAt} none="–" />) },
          {
            id: 'rate',
            head: words.list.rate,
            number: true,
            cell: (webhook) => {
              const rate = stats === undefined ? undefined : rateOf(ofWebhook(stats, webhook.id), locale(), stats.complete);
              if (stats === undefined) return <span class="soft">…</span>;
              return rate === undefined ? <span class="soft">{words.list.noRate}</span> : <Hinted hint={words.list.rateHint}>{rate}</Hinted>;
            },
          },
        ] satisfies Column<Webhook>[])
      : []),
    { id: 'actions', head: words.list.actions, kind: 'actions', cell: (webhook) => <RowMenu webhook={webhook} actions={actions} inList /> },
  ];
  const clear = (): void => {
    setSearch('');
    setStatus('');
  };
  return (
    <>
      <p>{sentenceOf(webhooks)}</p>
      {stats !== undefined && stats.unmatchedEvents > 0 && (
        <Notice tone="warn" role="status" action={<a href={`${tenant.href('events')}${query({ wanted: 'false', time: '24h' })}`}>{words.list.seeUnmatched}</a>}>
          {words.list.unmatched(stats.unmatchedEvents)}
        </Notice>
      )}
      {webhooks.length >= SEARCH_FROM && (
        <div class="row">
          <input class="narrow" type="search" aria-label={words.list.search} placeholder={words.list.search} autocomplete="off" value={search} onInput={(event) => setSearch(event.currentTarget.value)} />
          <select class="fitted" aria-label={words.list.filter} value={status} onChange={(event) => setStatus(event.currentTarget.value)}>
            <option value="">{base().words.all}</option>
            {present.map((one) => (
              <option key={one} value={one}>
                {base().status[one]}
              </option>
            ))}
          </select>
        </div>
      )}
      {rows.length === 0 ? <NothingMatches onClear={clear} /> : <Table caption={words.list.caption} columns={columns} rows={rows} idOf={(webhook) => webhook.id} />}
    </>
  );
}
