// The log, of the tenant or of one webhook: counts, filters, and the table.

import './log.css';
import { api, take } from '../../api/client';
import { useTypeNames, useWebhookNames } from '../../lib/names';
import { usePages } from '../../lib/resource';
import type { Delivery } from '../../lib/retry';
import { useTenant } from '../../lib/tenant';
import { optional, several, useListFilter } from '../../lib/use-list-filter';
import { ReadList } from '../../parts/list';
import { Empty } from '../../parts/state';
import { texts } from '../../texts';
import { Counts } from './counts';
import { Filters } from './filters';
import { Rows } from './rows';

const PAGE_SIZE = 50;

export interface LogViewProps {
  /** Of the address. What is no filter of the log stays as it is. */
  query: Record<string, string>;
  /** The log of this webhook, within the webhook's own page. */
  webhookId?: string;
  /** Its vendor's documents have their own columns. */
  contract: string | undefined;
}

export function LogView({ query, webhookId, contract }: LogViewProps) {
  const t = texts('log');
  const tenant = useTenant();
  const names = useWebhookNames(tenant.id);
  const types = useTypeNames();
  const filters = useListFilter(query, webhookId === undefined ? {} : { webhookId });
  const { filter, mistake, times, clear } = filters;

  const list = usePages<Delivery>(
    filters.key,
    ({ id }) => id,
    async (cursor, signal) => {
      if (mistake !== undefined) return { items: [] };
      return take(
        api.GET('/v1/tenants/{tenantId}/deliveries', {
          params: {
            path: { tenantId: tenant.id },
            query: {
              limit: PAGE_SIZE,
              cursor,
              status: several(filter.status),
              webhookId: optional(filter.webhookId),
              type: optional(filter.type),
              eventId: optional(filter.eventId),
              responseCode: several(filter.responseCode),
              trigger: several(filter.trigger),
              ...times,
            },
          },
          signal,
        }),
      );
    },
  );

  return (
    <div class="stack">
      <Counts filter={filter} times={times} address={filters.address} />
      <Filters filters={filters} names={names} types={types} contract={contract} fixedWebhook={webhookId !== undefined} />
      <ReadList
        list={list}
        clear={clear}
        empty={
          <Empty
            title={t.empty}
            action={
              webhookId === undefined ? (
                <a class="button" href={tenant.href('webhooks')}>
                  {t.emptyAction}
                </a>
              ) : undefined
            }
          >
            <p>{t.emptyText}</p>
          </Empty>
        }
      >
        {(rows) => <Rows list={list} rows={rows} names={names} types={types} contract={contract} withWebhook={webhookId === undefined} />}
      </ReadList>
    </div>
  );
}
