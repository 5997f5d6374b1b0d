// The jobs that send many dead letters again.

import { useLocation } from 'preact-iso';
import { useState } from 'preact/hooks';

import '../log/log.css';
import '../redrive/redrive.css';
import type { PageProps } from '../../app';
import { api, take } from '../../api/client';
import { can } from '../../api/session';
import { choiceOf } from '../../lib/choice';
import type { Redrive } from '../../lib/dead-letters';
import { useTypeNames, useWebhookNames, type WebhookNames } from '../../lib/names';
import { through, totalOf } from '../../lib/redrive-progress';
import { usePages } from '../../lib/resource';
import { useTenant } from '../../lib/tenant';
import { ListTable, ReadList } from '../../parts/list';
import { Page } from '../../parts/page';
import { Empty } from '../../parts/state';
import { Status } from '../../parts/status';
import type { Column } from '../../parts/table';
import { Time } from '../../parts/time';
import { base, locale, texts } from '../../texts';
import { RedriveDialog } from './dialog';

/** The looks of a job's status. */
export const LOOKS: Record<string, string> = { running: 'running', completed: 'done', cancelled: 'cancelled' };

export default function RedrivesPage(_: PageProps) {
  const t = texts('redrives');
  const tenant = useTenant();
  const { route } = useLocation();
  const names = useWebhookNames(tenant.id);
  const types = useTypeNames();
  const [asking, setAsking] = useState(false);
  const list = usePages<Redrive>(
    `redrives ${tenant.id}`,
    ({ id }) => id,
    (cursor, signal) => take(api.GET('/v1/tenants/{tenantId}/redrives', { params: { path: { tenantId: tenant.id }, query: { cursor } }, signal })),
  );
  const address = (id: string): string => tenant.href(`redrives/${encodeURIComponent(id)}`);
  const running = list.data?.filter(({ status }) => status === 'running').length ?? 0;
  return (
    <Page
      title={t.title}
      actions={
        can('deliveries:retry') && (
          <button type="button" class="button primary" onClick={() => setAsking(true)}>
            {t.new}
          </button>
        )
      }
    >
      <p class="soft">{running > 0 ? t.running(running) : t.lead}</p>
      <ReadList
        list={list}
        clear={undefined}
        empty={
          <Empty
            title={t.empty}
            action={
              <a class="button" href={tenant.href('dead-letters')}>
                {t.emptyAction}
              </a>
            }
          >
            <p>{t.emptyText}</p>
          </Empty>
        }
      >
        {(rows) => <ListTable list={list} rows={rows} caption={t.caption} columns={columns(names, address)} idOf={({ id }) => id} fresh={base().refresh.fresh} />}
      </ReadList>
      {asking && <RedriveDialog names={names} types={types} begin={{}} onClose={() => setAsking(false)} onStarted={(id) => route(address(id))} />}
    </Page>
  );
}

function columns(names: WebhookNames, address: (id: string) => string): Column<Redrive>[] {
  const t = texts('redrives');
  const c = t.columns;
  const number = (value: number): string => value.toLocaleString(locale());
  return [
    { id: 'what', head: c.what, kind: 'name', cell: (job) => <a href={address(job.id)}>{choiceOf(job, names)}</a> },
    { id: 'status', head: c.status, cell: ({ status }) => <Status name={LOOKS[status] ?? status} word={t.status[status]} /> },
    { id: 'progress', head: c.progress, number: true, cell: (job) => base().words.of(number(through(job)), number(totalOf(job))) },
    { id: 'rate', head: c.rate, number: true, cell: ({ ratePerSecond }) => t.perSecond(number(ratePerSecond)) },
    { id: 'created', head: c.created, cell: ({ createdAt }) => <Time at={createdAt} /> },
    { id: 'ended', head: c.ended, cell: ({ endedAt }) => <Time at={endedAt} none="–" /> },
  ];
}
