// What was given up, over all tenants, and the messages that belong to nobody.

import { useLocation } from 'preact-iso';
import { useState } from 'preact/hooks';

import { api, take } from '../../api/client';
import type { components } from '../../api/schema';
import type { PageProps } from '../../app';
import { ofReason } from '../../lib/explanations';
import { place, query as queryOf, tenantHref } from '../../lib/place';
import { now } from '../../lib/refresh';
import { usePages } from '../../lib/resource';
import { safeLine } from '../../lib/safe-text';
import { relative } from '../../lib/time';
import { several } from '../../lib/use-list-filter';
import { Icon } from '../../parts/icon';
import { Menu } from '../../parts/menu';
import { Page } from '../../parts/page';
import { Empty, NothingMatches, Read } from '../../parts/state';
import { More, Table } from '../../parts/table';
import { Time } from '../../parts/time';
import { base, texts } from '../../texts';
import { Details } from './details';
import { Filters } from './filters';
import { Bulk, type Act } from './bulk';

export type DeadLetter = components['schemas']['DeadLetter'];

/** What a dead letter means; a reason that the page does not know is shown itself. */
export function meaning(one: DeadLetter): string {
  const own = texts('operator').deadLetters.reasons[one.reason];
  return own ?? ofReason(texts('failures'), one.reason);
}

export const nameOf = (one: DeadLetter): string => safeLine(one.eventType ?? texts('operator').deadLetters.message);

export default function AllDeadLettersPage({ query }: PageProps) {
  const words = texts('operator').deadLetters;
  const { route } = useLocation();
  const filter = { tenantId: query['tenantId'], reason: query['reason'], since: query['since'] };
  const filtered = Object.values(filter).some((value) => value !== undefined && value !== '');
  const key = `all dead letters ${queryOf(filter)}`;
  const letters = usePages<DeadLetter>(
    key,
    (one) => one.id,
    (cursor, signal) =>
      take(api.GET('/v1/dead-letters', { params: { query: { cursor, limit: 50, tenantId: filter.tenantId || undefined, reason: several(filter.reason ?? ''), since: filter.since || undefined } }, signal })),
  );
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [shown, setShown] = useState<DeadLetter | null>(null);
  const [act, setAct] = useState<{ act: Act; letters: DeadLetter[] } | null>(null);
  const go = (to: Record<string, string | undefined>): void => route(`${place.root}dead-letters${queryOf(to)}`, true);
  const toggle = (ids: string[], on: boolean): void => {
    const next = new Set(chosen);
    for (const id of ids) on ? next.add(id) : next.delete(id);
    setChosen(next);
  };
  return (
    <Page title={words.title}>
      <p class="soft">{words.lead}</p>
      <Filters filter={filter} onChange={go} />
      <Read from={letters} rows={6}>
        {(items) => {
          if (items.length === 0 && filtered) return <NothingMatches onClear={() => go({})} />;
          if (items.length === 0) {
            return (
              <Empty title={words.emptyTitle}>
                <p>{words.emptyText}</p>
              </Empty>
            );
          }
          const picked = items.filter((one) => chosen.has(one.id));
          return (
            <>
              <div class="row">
                <label class="check">
                  <input type="checkbox" checked={picked.length === items.length} onChange={(event) => toggle(items.map((one) => one.id), event.currentTarget.checked)} />
                  {words.selectAll}
                </label>
                {picked.length > 0 && (
                  <>
                    <span class="soft">{words.selected(picked.length)}</span>
                    <button type="button" class="button" onClick={() => setAct({ act: 'redrive', letters: picked })}>
                      {words.redrive}
                    </button>
                    <button type="button" class="button" onClick={() => setAct({ act: 'remove', letters: picked })}>
                      {words.remove}
                    </button>
                  </>
                )}
              </div>
              {letters.fresh > 0 && (
                <p class="row" role="status">
                  {base().refresh.fresh(letters.fresh)}
                  <button type="button" class="button" onClick={letters.showFresh}>
                    {base().refresh.show}
                  </button>
                </p>
              )}
              <List letters={items} chosen={chosen} onToggle={(id, on) => toggle([id], on)} onShow={setShown} onAct={(kind, one) => setAct({ act: kind, letters: [one] })} />
              <More list={letters} />
            </>
          );
        }}
      </Read>
      {shown !== null && <Details one={shown} onClose={() => setShown(null)} />}
      {act !== null && (
        <Bulk
          act={act.act}
          letters={act.letters}
          onClose={() => setAct(null)}
          onDone={(done) => {
            const ids = new Set(done.map((one) => one.id));
            letters.update((items) => (act.act === 'remove' ? items.filter((one) => !ids.has(one.id)) : items.map((one) => (ids.has(one.id) ? { ...one, redrivenAt: new Date().toISOString() } : one))));
            toggle([...ids], false);
          }}
        />
      )}
    </Page>
  );
}

interface ListProps {
  letters: DeadLetter[];
  chosen: ReadonlySet<string>;
  onToggle: (id: string, on: boolean) => void;
  onShow: (one: DeadLetter) => void;
  onAct: (act: Act, one: DeadLetter) => void;
}

function List({ letters, chosen, onToggle, onShow, onAct }: ListProps) {
  const words = texts('operator').deadLetters;
  const { columns } = words;
  return (
    <Table
      caption={words.title}
      rows={letters}
      idOf={(one) => one.id}
      columns={[
        {
          id: 'what',
          head: columns.what,
          kind: 'name',
          cell: (one) => (
            <span class="pick">
              <input type="checkbox" aria-label={words.select(`${nameOf(one)}, ${safeLine(one.id)}`)} checked={chosen.has(one.id)} onChange={(event) => onToggle(one.id, event.currentTarget.checked)} />
              <button type="button" class="button plain" onClick={() => onShow(one)}>
                {nameOf(one)}
              </button>
            </span>
          ),
        },
        { id: 'tenant', head: columns.tenant, cell: (one) => (one.tenantId === undefined ? <span class="soft">{words.nobody}</span> : <a tabIndex={-1} href={tenantHref(place, one.tenantId, 'dead-letters')}>{safeLine(one.tenantId)}</a>) },
        {
          id: 'reason',
          head: columns.reason,
          cell: (one) => (
            <>
              <div>{meaning(one)}</div>
              {one.redrivenAt !== undefined && <div class="soft small">{words.redriven(relative(Date.parse(one.redrivenAt), now.value, base().time))}</div>}
              {one.erasedAt !== undefined && <div class="soft small">{words.erased}</div>}
            </>
          ),
        },
        { id: 'last', head: columns.last, cell: (one) => one.lastResponseCode ?? (one.lastError === undefined ? '–' : safeLine(one.lastError)) },
        { id: 'attempts', head: columns.attempts, number: true, cell: (one) => one.attempts ?? '–' },
        { id: 'created', head: columns.created, cell: (one) => <Time at={one.createdAt} /> },
        {
          id: 'actions',
          head: base().words.actions,
          kind: 'actions',
          cell: (one) => (
            <Menu
              label={base().words.actionsFor(`${nameOf(one)}, ${safeLine(one.id)}`)}
              button={<Icon name="more" />}
              items={[
                { label: words.details, onSelect: () => onShow(one) },
                ...(one.redrivenAt === undefined && one.erasedAt === undefined ? [{ label: words.redrive, onSelect: () => onAct('redrive', one) }] : []),
                { label: words.remove, danger: true, onSelect: () => onAct('remove', one) },
              ]}
            />
          ),
        },
      ]}
    />
  );
}
