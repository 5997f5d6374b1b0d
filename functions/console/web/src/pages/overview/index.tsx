// Is it well? One sentence, then the numbers, then the lists, worst first.

import { useEffect, useState } from 'preact/hooks';

import { api, take } from '../../api/client';
import type { components } from '../../api/schema';
import { me } from '../../api/session';
import type { PageProps } from '../../app';
import { everyPage } from '../../lib/every-page';
import { choiceOf } from '../../lib/choice';
import { NOBODYS_REASONS, type Redrive } from '../../lib/dead-letters';
import { ofReason } from '../../lib/explanations';
import { place, query, segment, tenantHref } from '../../lib/place';
import { through, totalOf } from '../../lib/redrive-progress';
import { now, onRefresh } from '../../lib/refresh';
import { useResource } from '../../lib/resource';
import { safeLine } from '../../lib/safe-text';
import { span } from '../../lib/time';
import { Page } from '../../parts/page';
import { Read } from '../../parts/state';
import { Notice } from '../../parts/status';
import { More, Table, type Column, type TableProps } from '../../parts/table';
import { Time } from '../../parts/time';
import { base, locale, texts } from '../../texts';
import { Stop } from '../redrive';
import { UrlCell } from '../webhooks';
import './overview.css';

type Webhook = components['schemas']['Webhook'];
type DeadLetter = components['schemas']['DeadLetter'];
type Backlog = components['schemas']['Backlog'];

interface Some<T> {
  items: T[];
  more: boolean;
}

interface Loaded {
  failing: Some<Webhook>;
  disabled: Some<Webhook>;
  slow: Some<Webhook>;
  dead: Some<DeadLetter>;
  running: Some<Redrive>;
  backlog: Backlog;
}

const DAY = 86_400_000;
/** Until then a delivery is due, and no message was lost: the sweeper looks every few minutes. */
const LATE_SECONDS = 300;
/** An open overview reads its lists at most once a minute. */
const MIN_AGE = 55_000;
const PAGE_SIZE = 250;
/** The most pages of each list that are read. */
const MAX_PAGES = 4;
/** The most rows of a list that are shown before somebody asks for more. */
const SHOWN = 25;

async function load(signal: AbortSignal): Promise<Loaded> {
  const since = new Date(Date.now() - DAY).toISOString();
  const [troubled, dead, running, backlog] = await Promise.all([
    everyPage((cursor) => take(api.GET('/v1/webhooks', { params: { query: { limit: PAGE_SIZE, cursor } }, signal })), MAX_PAGES),
    everyPage((cursor) => take(api.GET('/v1/dead-letters', { params: { query: { since, limit: PAGE_SIZE, cursor } }, signal })), MAX_PAGES),
    everyPage((cursor) => take(api.GET('/v1/redrives', { params: { query: { limit: PAGE_SIZE, cursor } }, signal })), MAX_PAGES),
    take(api.GET('/v1/backlog', { signal })),
  ]);
  const of = (state: string): Some<Webhook> => ({ items: troubled.items.filter((one) => one.state === state), more: troubled.more });
  return { failing: of('failing'), disabled: of('disabled'), slow: of('slow'), dead, running, backlog };
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
            <Running list={data.running} onChanged={reload} />
            <Queues backlog={data.backlog} />
          </>
        )}
      </Read>
      {me.value?.version !== undefined && me.value.version !== '' && <p class="soft small">{words.version(safeLine(me.value.version))}</p>}
    </Page>
  );
}

const number = (value: number): string => value.toLocaleString(locale());

function numberOf({ items, more }: Some<unknown>): string {
  const count = number(items.length);
  return more ? texts('operator').overview.atLeast(count) : count;
}

const nobodys = (dead: Some<DeadLetter>): Some<DeadLetter> => ({ items: dead.items.filter((one) => one.tenantId === undefined), more: dead.more });

/** For how long the oldest delivery has been due. */
const secondsDue = ({ oldestDue }: Backlog): number => (oldestDue === undefined ? 0 : Math.max(0, (now.value - Date.parse(oldestDue.dueAt)) / 1000));

const waitingIn = ({ queues }: Backlog, ...names: string[]): string =>
  number(queues.reduce((sum, { name, waiting }) => sum + (names.includes(name) ? waiting : 0), 0));

function Verdict({ data }: { data: Loaded }) {
  const words = texts('operator').overview;
  const parts = [
    [data.failing, words.failing],
    [data.disabled, words.disabled],
    [data.slow, words.slow],
    [data.dead, words.dead],
    [nobodys(data.dead), words.nobody],
  ] as const;
  const due = secondsDue(data.backlog);
  const said = parts.flatMap(([list, say]) => (list.items.length === 0 ? [] : [say(numberOf(list))]));
  if (due > LATE_SECONDS) said.push(words.late(span(due, base().time)));
  return (
    <Notice tone={said.length === 0 ? 'ok' : 'warn'} role="status">
      <strong>{said.length === 0 ? words.well : words.unwell(said)}</strong>
    </Notice>
  );
}

function Tiles({ data }: { data: Loaded }) {
  const { tiles } = texts('operator').overview;
  const since = new Date(Date.now() - DAY).toISOString();
  const { backlog } = data;
  const { oldestDue } = backlog;
  const all: [string, string, string][] = [
    [tiles.failing, '#failing', numberOf(data.failing)],
    [tiles.disabled, '#disabled', numberOf(data.disabled)],
    [tiles.slow, '#slow', numberOf(data.slow)],
    [tiles.dead, `${place.root}dead-letters${query({ since })}`, numberOf(data.dead)],
    [tiles.nobody, `${place.root}dead-letters${query({ since, reason: NOBODYS_REASONS.join(',') })}`, numberOf(nobodys(data.dead))],
    [tiles.running, '#running', numberOf(data.running)],
    [tiles.due, oldestDue === undefined ? '#queues' : tenantHref(place, oldestDue.tenantId, `deliveries/${segment(oldestDue.deliveryId)}`), oldestDue === undefined ? '–' : span(secondsDue(backlog), base().time)],
    [tiles.waiting, '#queues', waitingIn(backlog, 'events')],
    [tiles.deadLetterQueues, `${place.root}dead-letters`, waitingIn(backlog, 'events_dead_letter', 'deliveries_dead_letter')],
  ];
  return (
    <ul class="tiles">
      {all.map(([label, href, value]) => (
        <li key={label}>
          <a class="tile" href={href}>
            <span class="tile-number">{value}</span>
            <span>{label}</span>
          </a>
        </li>
      ))}
    </ul>
  );
}

type SectionProps<T> = Omit<TableProps<T>, 'caption'> & { id: string; title: string; note?: string; children?: preact.ComponentChildren };

function Section<T>({ id, title, note, children, ...table }: SectionProps<T>) {
  return (
    <section class="stack-small" id={id}>
      <h2>{title}</h2>
      {note !== undefined && <p class="soft">{note}</p>}
      <Table caption={title} {...table} />
      {children}
    </section>
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
    { id: 'webhook', head: words.columns.webhook, kind: 'name', cell: (one) => <a href={tenantHref(place, one.tenantId, `webhooks/${segment(one.id)}`)}>{safeLine(one.name ?? one.id)}</a> },
    { id: 'tenant', head: words.columns.tenant, cell: (one) => <a tabIndex={-1} href={tenantHref(place, one.tenantId, 'webhooks')}>{safeLine(one.tenantId)}</a> },
    { id: 'url', head: words.columns.url, cell: (one) => <UrlCell url={one.url} /> },
    ...(reason === true ? [{ id: 'reason', head: words.columns.reason, cell: (one: Webhook) => (one.disabledReason === undefined ? '' : (words.reasons[one.disabledReason] ?? safeLine(one.disabledReason))) }] : []),
    ...(since === undefined ? [] : [{ id: 'since', head: words.columns.since, cell: (one: Webhook) => <Time at={since(one)} none="–" /> }]),
  ];
  return (
    <Section id={id} title={title} note={note} columns={columns} rows={all ? rows : rows.slice(0, SHOWN)} idOf={(one) => one.id}>
      {!all && <More list={{ more: rows.length > SHOWN, loadingMore: false, loadMore: async () => setAll(true) }} label={words.showAll(numberOf(list))} />}
    </Section>
  );
}

function Running({ list, onChanged }: { list: Some<Redrive>; onChanged: () => Promise<void> }) {
  const { overview: words } = texts('operator');
  const { columns } = words;
  return (
    list.items.length > 0 && (
      <Section
        id="running"
        title={words.tiles.running}
        note={list.more ? words.first(numberOf(list)) : undefined}
        rows={list.items}
        idOf={({ id }) => id}
        columns={[
          { id: 'what', head: columns.redrive, kind: 'name', cell: (job) => <a href={tenantHref(place, job.tenantId, `redrives/${segment(job.id)}`)}>{choiceOf(job, { of: safeLine })}</a> },
          { id: 'tenant', head: columns.tenant, cell: ({ tenantId }) => <a href={tenantHref(place, tenantId, 'redrives')}>{safeLine(tenantId)}</a> },
          { id: 'progress', head: texts('redrives').columns.progress, number: true, cell: (job) => base().words.of(number(through(job)), number(totalOf(job))) },
          { id: 'since', head: columns.since, cell: ({ createdAt }) => <Time at={createdAt} /> },
          { id: 'stop', head: words.actions, kind: 'actions', cell: (job) => <Stop small job={job} onStopped={() => void onChanged()} /> },
      ]}
      />
    )
  );
}

function Queues({ backlog }: { backlog: Backlog }) {
  const { overview: words } = texts('operator');
  const ways: Record<string, string> = { slow: '#slow', jobs: '#running', events_dead_letter: `${place.root}dead-letters`, deliveries_dead_letter: `${place.root}dead-letters` };
  const count = (id: 'waiting' | 'inFlight' | 'delayed'): Column<Backlog['queues'][number]> => ({ id, head: words.columns[id], number: true, cell: (queue) => number(queue[id]) });
  return (
    <Section
      id="queues"
      title={words.queuesTitle}
      note={words.queuesNote}
      rows={backlog.queues}
      idOf={({ name }) => name}
      columns={[
        { id: 'queue', head: words.columns.queue, kind: 'name', cell: ({ name }) => (ways[name] === undefined ? queueName(name) : <a href={ways[name]}>{queueName(name)}</a>) },
        { id: 'meaning', head: words.columns.meaning, cell: ({ name }) => words.queues[name]?.[1] ?? '' },
        count('waiting'),
        count('inFlight'),
        count('delayed'),
      ]}
    />
  );
}

const queueName = (name: string): string => texts('operator').overview.queues[name]?.[0] ?? safeLine(name);

function DeadLetters({ dead }: { dead: Some<DeadLetter> }) {
  const { overview: words, deadLetters } = texts('operator');
  const failures = texts('failures');
  if (dead.items.length === 0) return null;
  const counts = new Map<string, number>();
  for (const one of dead.items) counts.set(one.reason, (counts.get(one.reason) ?? 0) + 1);
  const since = new Date(Date.now() - DAY).toISOString();
  const rows = [...counts].sort((a, b) => b[1] - a[1]).map(([reason, count]) => ({ reason, count }));
  return (
    <Section
      id="dead"
      title={words.deadTitle}
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
        { id: 'count', head: words.columns.count, number: true, cell: (one) => (dead.more ? words.atLeast(number(one.count)) : number(one.count)) },
      ]}
    />
  );
}
