// Is it well? One sentence, then the numbers, then the lists, worst first.

import { useEffect, useState } from 'preact/hooks';

import { api, take } from '../../api/client';
import type { components } from '../../api/schema';
import { me } from '../../api/session';
import type { PageProps } from '../../app';
import { everyPage } from '../../lib/every-page';
import { NOBODYS_REASONS } from '../../lib/dead-letters';
import { ofReason } from '../../lib/explanations';
import { place, query, tenantHref } from '../../lib/place';
import { onRefresh } from '../../lib/refresh';
import { useResource } from '../../lib/resource';
import { middle, safeLine, urlParts } from '../../lib/safe-text';
import { Hinted } from '../../parts/hint';
import { Page } from '../../parts/page';
import { Read } from '../../parts/state';
import { Notice } from '../../parts/status';
import { More, Table, type Column } from '../../parts/table';
import { Time } from '../../parts/time';
import { locale, texts } from '../../texts';
import './overview.css';

type Webhook = components['schemas']['Webhook'];
type DeadLetter = components['schemas']['DeadLetter'];

interface Some<T> {
  items: T[];
  more: boolean;
}

interface Loaded {
  failing: Some<Webhook>;
  disabled: Some<Webhook>;
  slow: Some<Webhook>;
  dead: Some<DeadLetter>;
}

const DAY = 86_400_000;
/** An open overview reads its lists at most once a minute. */
const MIN_AGE = 55_000;
const PAGE_SIZE = 250;
/** The most pages of each list that are read. */
const MAX_PAGES = 4;
/** The most rows of a list that are shown before somebody asks for more. */
const SHOWN = 25;

async function load(signal: AbortSignal): Promise<Loaded> {
  const since = new Date(Date.now() - DAY).toISOString();
  const [troubled, dead] = await Promise.all([
    everyPage((cursor) => take(api.GET('/v1/webhooks', { params: { query: { limit: PAGE_SIZE, cursor } }, signal })), MAX_PAGES),
    everyPage((cursor) => take(api.GET('/v1/dead-letters', { params: { query: { since, limit: PAGE_SIZE, cursor } }, signal })), MAX_PAGES),
  ]);
  const of = (state: string): Some<Webhook> => ({ items: troubled.items.filter((one) => one.state === state), more: troubled.more });
  return { failing: of('failing'), disabled: of('disabled'), slow: of('slow'), dead };
}

export default function OverviewPage(_props: PageProps) {
  const words = texts('operator').overview;
  const loaded = useResource('overview', load, { refresh: false });
  const { at, reload } = loaded;
  useEffect(() => onRefresh((asked) => (asked || Date.now() - at >= MIN_AGE ? reload() : undefined)), [at, reload]);
  return (
    <Page title={words.title}>
      <Read from={loaded} rows={8}>
        {(data) => (
          <>
            <Verdict data={data} />
            <Tiles data={data} />
            <Webhooks id="failing" title={words.failingTitle} note={words.failingNote} list={data.failing} since={(one) => one.failingSince} />
            <Webhooks id="disabled" title={words.disabledTitle} list={data.disabled} since={(one) => one.disabledAt} reason />
            <Webhooks id="slow" title={words.slowTitle} note={words.slowNote} list={data.slow} />
            <DeadLetters dead={data.dead} />
          </>
        )}
      </Read>
      {me.value?.version !== undefined && me.value.version !== '' && <p class="soft small">{words.version(safeLine(me.value.version))}</p>}
    </Page>
  );
}

function numberOf({ items, more }: Some<unknown>): string {
  const count = items.length.toLocaleString(locale());
  return more ? texts('operator').overview.atLeast(count) : count;
}

const nobodys = (dead: Some<DeadLetter>): Some<DeadLetter> => ({ items: dead.items.filter((one) => one.tenantId === undefined), more: dead.more });

function Verdict({ data }: { data: Loaded }) {
  const words = texts('operator').overview;
  const parts = [
    [data.failing, words.failing],
    [data.disabled, words.disabled],
    [data.slow, words.slow],
    [data.dead, words.dead],
    [nobodys(data.dead), words.nobody],
  ] as const;
  const said = parts.flatMap(([list, say]) => (list.items.length === 0 ? [] : [say(numberOf(list))]));
  return (
    <Notice tone={said.length === 0 ? 'ok' : 'warn'} role="status">
      <strong>{said.length === 0 ? words.well : words.unwell(said)}</strong>
    </Notice>
  );
}

function Tiles({ data }: { data: Loaded }) {
  const { tiles } = texts('operator').overview;
  const since = new Date(Date.now() - DAY).toISOString();
  const all: [string, string, Some<unknown>][] = [
    [tiles.failing, '#failing', data.failing],
    [tiles.disabled, '#disabled', data.disabled],
    [tiles.slow, '#slow', data.slow],
    [tiles.dead, `${place.root}dead-letters${query({ since })}`, data.dead],
    [tiles.nobody, `${place.root}dead-letters${query({ since, reason: NOBODYS_REASONS.join(',') })}`, nobodys(data.dead)],
  ];
  return (
    <ul class="tiles">
      {all.map(([label, href, list]) => (
        <li key={label}>
          <a class="tile" href={href}>
            <span class="tile-number">{numberOf(list)}</span>
            <span>{label}</span>
          </a>
        </li>
      ))}
    </ul>
  );
}

interface WebhooksProps {
  id: string;
  title: string;
  note?: string;
  list: Some<Webhook>;
  since?: (one: Webhook) => string | null | undefined;
  reason?: boolean;
}

function Webhooks({ id, title, note, list, since, reason }: WebhooksProps) {
  const words = texts('operator').overview;
  const [all, setAll] = useState(false);
  if (list.items.length === 0) return null;
  const rows = since === undefined ? list.items : [...list.items].sort((a, b) => (since(a) ?? '').localeCompare(since(b) ?? ''));
  const columns: Column<Webhook>[] = [
    { id: 'webhook', head: words.columns.webhook, kind: 'name', cell: (one) => <a href={tenantHref(place, one.tenantId, `webhooks/${encodeURIComponent(one.id)}`)}>{safeLine(one.name ?? one.id)}</a> },
    { id: 'tenant', head: words.columns.tenant, cell: (one) => <a tabIndex={-1} href={tenantHref(place, one.tenantId, 'webhooks')}>{safeLine(one.tenantId)}</a> },
    { id: 'url', head: words.columns.url, cell: (one) => <Url url={one.url} /> },
    ...(reason === true ? [{ id: 'reason', head: words.columns.reason, cell: (one: Webhook) => (one.disabledReason === undefined ? '' : (words.reasons[one.disabledReason] ?? safeLine(one.disabledReason))) }] : []),
    ...(since === undefined ? [] : [{ id: 'since', head: words.columns.since, cell: (one: Webhook) => <Time at={since(one)} none="–" /> }]),
  ];
  return (
    <section class="stack-small" id={id}>
      <h2>{title}</h2>
      {note !== undefined && <p class="soft">{note}</p>}
      <Table caption={title} columns={columns} rows={all ? rows : rows.slice(0, SHOWN)} idOf={(one) => one.id} />
      {!all && <More list={{ more: rows.length > SHOWN, loadingMore: false, loadMore: async () => setAll(true) }} label={words.showAll(numberOf(list))} />}
    </section>
  );
}

function Url({ url }: { url: string }) {
  const { scheme, host, path } = urlParts(url);
  return (
    <Hinted hint={safeLine(url)}>
      {scheme}
      {host}
      <span class="soft">{middle(path, 24)}</span>
    </Hinted>
  );
}

function DeadLetters({ dead }: { dead: Some<DeadLetter> }) {
  const { overview: words, deadLetters } = texts('operator');
  const failures = texts('failures');
  if (dead.items.length === 0) return null;
  const counts = new Map<string, number>();
  for (const one of dead.items) counts.set(one.reason, (counts.get(one.reason) ?? 0) + 1);
  const since = new Date(Date.now() - DAY).toISOString();
  const rows = [...counts].sort((a, b) => b[1] - a[1]).map(([reason, count]) => ({ reason, count }));
  return (
    <section class="stack-small" id="dead">
      <h2>{words.deadTitle}</h2>
      <Table
        caption={words.deadTitle}
        rows={rows}
        idOf={(one) => one.reason}
        columns={[
          {
            id: 'reason',
            head: words.columns.reason,
            kind: 'name',
            cell: (one) => (
              <a href={`${place.root}dead-letters${query({ reason: one.reason, since })}`}>
                <code>{safeLine(one.reason)}</code>
              </a>
            ),
          },
          { id: 'meaning', head: words.columns.meaning, cell: (one) => deadLetters.reasons[one.reason] ?? ofReason(failures, one.reason) },
          { id: 'count', head: words.columns.count, number: true, cell: (one) => (dead.more ? words.atLeast(one.count.toLocaleString(locale())) : one.count.toLocaleString(locale())) },
        ]}
      />
    </section>
  );
}
