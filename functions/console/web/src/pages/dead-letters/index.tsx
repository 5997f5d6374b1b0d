// What was given up: why, and how to send it again.

import { useLocation } from 'preact-iso';
import { useEffect, useState } from 'preact/hooks';

import '../log/log.css';
import '../redrive/redrive.css';
import type { PageProps } from '../../app';
import { api, take } from '../../api/client';
import { can } from '../../api/session';
import { countWaiting } from '../../lib/counts';
import { type DeadLetter, DELIVERY_REASONS, MESSAGE_REASONS } from '../../lib/dead-letters';
import { short } from '../../lib/explanations';
import { useTypeNames, useWebhookNames } from '../../lib/names';
import { query as queryText } from '../../lib/place';
import { usePages } from '../../lib/resource';
import { useTenant } from '../../lib/tenant';
import { optional, several, useListFilter } from '../../lib/use-list-filter';
import { FilterForm, Select, TimeFilters, TypeFilter, WebhookFilter } from '../../parts/filters';
import { ReadList } from '../../parts/list';
import { Page } from '../../parts/page';
import { Empty } from '../../parts/state';
import { texts } from '../../texts';
import { RedriveDialog } from '../redrives/dialog';
import { Details } from './details';
import { Rows } from './rows';

const PAGE_SIZE = 50;

export default function DeadLettersPage({ query }: PageProps) {
  const t = texts('deadLetters');
  const { filter: words } = texts('log');
  const tenant = useTenant();
  const { path, route } = useLocation();
  const names = useWebhookNames(tenant.id);
  const types = useTypeNames();
  const { key, filter, mistake, times, change, clear } = useListFilter(query);
  const [redriving, setRedriving] = useState(false);
  const list = usePages<DeadLetter>(
    `dead letters ${key}`,
    ({ id }) => id,
    async (cursor, signal) => {
      if (mistake !== undefined) return { items: [] };
      return take(
        api.GET('/v1/tenants/{tenantId}/dead-letters', {
          params: {
            path: { tenantId: tenant.id },
            query: { limit: PAGE_SIZE, cursor, webhookId: optional(filter.webhookId), type: optional(filter.type), reason: several(filter.reason), ...times },
          },
          signal,
        }),
      );
    },
  );
  const { data, more } = list;
  useEffect(() => {
    // The number beside the page's name, as far as this page knows all of them.
    if (data !== undefined && clear === undefined) countWaiting(tenant.id, data, more);
  }, [data, more, clear]);
  const failures = texts('failures');
  const reasons = [...DELIVERY_REASONS, ...MESSAGE_REASONS].map((reason) => ({ value: reason, label: short(failures, reason) }));
  const show = query['show'];
  const showing = (id: string | undefined): string => `${path}${queryText({ ...query, show: id })}`;
  return (
    <Page
      title={t.title}
      actions={
        can('deliveries:retry') && (
          <button type="button" class="button primary" onClick={() => setRedriving(true)}>
            {t.redriveAll}
          </button>
        )
      }
    >
      <p class="soft">{t.lead}</p>
      <FilterForm clear={clear}>
        <Select
          label={t.filter.reason}
          value={filter.reason}
          choices={[{ value: '', label: t.filter.anyReason }, ...reasons]}
          onChange={(reason) => change({ reason })}
        />
        <WebhookFilter value={filter.webhookId} names={names} onChange={(webhookId) => change({ webhookId })} />
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
              <a class="button" href={tenant.href('log')}>
                {t.emptyAction}
              </a>
            }
          >
            <p>{t.emptyText}</p>
          </Empty>
        }
      >
        {(rows) => <Rows list={list} rows={rows} names={names} types={types} showing={showing} />}
      </ReadList>
      {show !== undefined && <Details id={show} names={names} onClose={() => route(showing(undefined), true)} />}
      {redriving && (
        <RedriveDialog
          names={names}
          types={types}
          begin={{
            webhookId: optional(filter.webhookId),
            type: mistake === 'type' ? undefined : optional(filter.type),
            reason: optional(filter.reason),
            ...times,
          }}
          onClose={() => setRedriving(false)}
          onStarted={(id) => route(tenant.href(`redrives/${encodeURIComponent(id)}`))}
        />
      )}
    </Page>
  );
}
