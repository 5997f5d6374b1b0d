// Everything that was published, also what nobody wanted.

import '../log/log.css';
import type { PageProps } from '../../app';
import { api, take } from '../../api/client';
import type { components } from '../../api/schema';
import { useTypeNames } from '../../lib/names';
import { type Pages, usePages } from '../../lib/resource';
import { safeLine } from '../../lib/safe-text';
import { useTenant } from '../../lib/tenant';
import { optional, useListFilter } from '../../lib/use-list-filter';
import { FilterForm, Select, TimeFilters, TypeFilter } from '../../parts/filters';
import { ListTable, ReadList } from '../../parts/list';
import { Page } from '../../parts/page';
import { Empty } from '../../parts/state';
import { Status } from '../../parts/status';
import type { Column } from '../../parts/table';
import { Time } from '../../parts/time';
import { texts } from '../../texts';

type EventSummary = components['schemas']['EventSummary'];

const PAGE_SIZE = 50;

export default function EventsPage({ query }: PageProps) {
  const t = texts('events');
  const tenant = useTenant();
  const types = useTypeNames();
  const { key, filter, mistake, times, change, clear } = useListFilter(query);
  const list = usePages<EventSummary>(
    `events ${key}`,
    ({ id }) => id,
    async (cursor, signal) => {
      if (mistake !== undefined) return { items: [] };
      const matched = filter.matched === '' ? undefined : filter.matched === 'true';
      return take(
        api.GET('/v1/tenants/{tenantId}/events', {
          params: { path: { tenantId: tenant.id }, query: { limit: PAGE_SIZE, cursor, type: optional(filter.type), matched, ...times } },
          signal,
        }),
      );
    },
  );
  const wishes = [
    { value: '', label: t.filter.any },
    { value: 'true', label: t.filter.some },
    { value: 'false', label: t.filter.none },
  ];
  const { filter: words } = texts('log');
  return (
    <Page title={t.title}>
      <p class="soft">{t.lead}</p>
      <FilterForm clear={clear}>
        <Select label={t.filter.matched} value={filter.matched} choices={wishes} onChange={(matched) => change({ matched })} />
        <TypeFilter value={filter.type} types={types} error={mistake === 'type' ? words.badType : undefined} onChange={(type) => change({ type })} />
        <TimeFilters filter={filter} error={mistake === 'times' ? words.badTimes : undefined} onChange={change} />
      </FilterForm>
      <ReadList
        list={list}
        clear={clear}
        empty={
          <Empty
            title={t.empty}
            action={
              <a class="button" href={tenant.href('event-types')}>
                {t.emptyAction}
              </a>
            }
          >
            <p>{t.emptyText}</p>
          </Empty>
        }
      >
        {(rows) => <Rows list={list} rows={rows} nameOf={types.of} />}
      </ReadList>
    </Page>
  );
}

function Rows({ list, rows, nameOf }: { list: Pages<EventSummary>; rows: EventSummary[]; nameOf: (type: string) => string | undefined }) {
  const t = texts('events');
  const log = texts('log');
  const { href } = useTenant();
  const page = (event: EventSummary): string => href(`events/${encodeURIComponent(event.id)}`);
  const columns: Column<EventSummary>[] = [
    {
      id: 'type',
      head: t.columns.type,
      kind: 'name',
      cell: (event) => (
        <span class="event-cell">
          <a href={page(event)}>{safeLine(event.type)}</a>
          {event.test === true && <span class="badge">{log.testEvent}</span>}
          {nameOf(event.type) !== undefined && <span class="event-name soft small">{nameOf(event.type)}</span>}
        </span>
      ),
    },
    { id: 'id', head: t.columns.id, cell: ({ id }) => <span class="mono">{safeLine(id)}</span> },
    {
      id: 'webhooks',
      head: t.columns.webhooks,
      cell: (event) =>
        event.state === 'pending' ? (
          <Status name="pending" word={t.state['pending']} />
        ) : event.webhooks === 0 ? (
          <Status name="inactive" word={t.nobody} />
        ) : (
          <a href={`${href('log')}?event=${encodeURIComponent(event.id)}`}>{t.webhooks(event.webhooks)}</a>
        ),
    },
    { id: 'occurred', head: t.columns.occurred, cell: ({ timestamp }) => <Time at={timestamp} /> },
    { id: 'created', head: t.columns.created, cell: ({ createdAt }) => <Time at={createdAt} /> },
  ];
  return <ListTable list={list} rows={rows} caption={t.caption} columns={columns} idOf={({ id }) => id} shown={t.shown(rows.length)} fresh={t.fresh} />;
}
