// The log, of the tenant or of one webhook: counts, filters, and the table.

import { useLocation } from 'preact-iso';
import { useMemo } from 'preact/hooks';

import './log.css';
import { api, take } from '../../api/client';
import { FILTER_NAMES, type LogFilter, filterOf, isFiltered, mistakeOf, NO_FILTER, queryOf, timesOf } from '../../lib/log-filter';
import { useTypeNames, useWebhookNames } from '../../lib/names';
import { query as queryText } from '../../lib/place';
import { usePages } from '../../lib/resource';
import type { Delivery } from '../../lib/retry';
import { useTenant } from '../../lib/tenant';
import { Empty, NothingMatches, Read } from '../../parts/state';
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
}

export function LogView({ query, webhookId }: LogViewProps) {
    const t = texts('log');
    const tenant = useTenant();
    const { path, route } = useLocation();
    const names = useWebhookNames(tenant.id);
    const types = useTypeNames();
    const fixed: Partial<LogFilter> = webhookId === undefined ? {} : { webhookId };
    const filter = { ...filterOf(query), ...fixed };
    const mistake = mistakeOf(filter);
    const key = JSON.stringify([tenant.id, filter]);
    // Fixed with the list: a cursor belongs to a list with the same times.
    const times = useMemo(() => timesOf(filter, Date.now()), [key]);

    const address = (change: Partial<LogFilter>): string => {
        const foreign = Object.fromEntries(Object.entries(query).filter(([name]) => !FILTER_NAMES.has(name)));
        const next = { ...filter, ...change };
        return `${path}${queryText({ ...foreign, ...queryOf(webhookId === undefined ? next : { ...next, webhookId: '' }) })}`;
    };
    const clear = address({ ...NO_FILTER, ...fixed });

    const list = usePages<Delivery>(
        key,
        ({ id }) => id,
        async (cursor, signal) => {
            if (mistake !== undefined) return { items: [] };
            const several = (value: string): string[] | undefined => (value === '' ? undefined : value.split(','));
            const optional = (value: string): string | undefined => (value === '' ? undefined : value);
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
            <Counts filter={filter} times={times} address={address} />
            <Filters
                filter={filter}
                mistake={mistake}
                names={names}
                types={types}
                fixedWebhook={webhookId !== undefined}
                onChange={(change) => route(address(change))}
                clear={isFiltered(filter, fixed) ? clear : undefined}
            />
            <Read from={list} rows={8}>
                {(rows) =>
                    rows.length > 0 || list.more ? (
                        <Rows list={list} rows={rows} names={names} types={types} withWebhook={webhookId === undefined} />
                    ) : isFiltered(filter, fixed) ? (
                        <NothingMatches onClear={() => route(clear)} />
                    ) : (
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
                    )
                }
            </Read>
        </div>
    );
}
