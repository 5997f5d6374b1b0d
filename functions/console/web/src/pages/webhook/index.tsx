// One webhook: how it is, and its overview, log, settings and verification.

import { useLocation } from 'preact-iso';

import '../webhooks/webhooks.css';
import type { PageProps } from '../../app';
import { api, take } from '../../api/client';
import { can } from '../../api/session';
import { factsOf } from '../../lib/contract-facts';
import { segment } from '../../lib/place';
import { useResource } from '../../lib/resource';
import { useStats } from '../../lib/stats';
import { useTenant } from '../../lib/tenant';
import { LastChange } from '../../parts/last-change';
import { Read } from '../../parts/state';
import { Page } from '../../parts/page';
import { texts } from '../../texts';
import { RowMenu, StatusMenu, useActions } from '../webhooks/actions';
import { INBOX, nameOf, vendorWords, type Webhook } from '../webhooks/data';
import { LogView } from '../log/view';
import { InboxTab, VerifyTab } from './other-tabs';
import { Overview } from './overview';
import { Settings } from './settings';
import { Trouble } from './trouble';

type Tab = 'overview' | 'inbox' | 'log' | 'settings' | 'verify';

export default function WebhookPage({ params, query }: PageProps) {
  const tenant = useTenant();
  const { route } = useLocation();
  const words = texts('webhooks');
  const { detail } = texts('webhook');
  const id = params['id'] ?? '';
  const read = useResource<Webhook>(`webhook ${tenant.id} ${id}`, (signal) => take(api.GET('/v1/tenants/{tenantId}/webhooks/{webhookId}', { params: { path: { tenantId: tenant.id, webhookId: id } }, signal })));
  const stats = useStats(tenant.id).data;
  const actions = useActions({ onChanged: read.set, onRemoved: () => route(tenant.href('webhooks')) });
  const webhook = read.data;
  const back = { href: tenant.href('webhooks'), label: words.title };
  const path = `webhooks/${segment(id)}`;
  const vendor = vendorWords(webhook?.contract ?? tenant.contract);

  const tabs: [Tab, string][] = [
    ['overview', detail.overview],
    ...(can('deliveries:read') ? ([['log', vendor.logTab]] as [Tab, string][]) : []),
    ...(webhook?.url === INBOX ? ([['inbox', texts('inbox').tab]] as [Tab, string][]) : []),
    ['settings', detail.settings],
    ...(webhook === undefined || factsOf(webhook.contract).signs ? ([['verify', detail.verify]] as [Tab, string][]) : []),
  ];
  const tab = tabs.find(([name]) => name === query['tab'])?.[0] ?? 'overview';
  return (
    <Page
      title={webhook === undefined ? id : nameOf(webhook)}
      back={back}
      status={webhook !== undefined && <StatusMenu webhook={webhook} actions={actions} />}
      actions={
        webhook !== undefined && (
          <>
            {can('webhooks:write') && (
              <>
                <button
                  type="button"
                  class="button"
                  aria-disabled={!webhook.active || undefined}
                  data-hint={webhook.active ? undefined : words.list.noTestWhileOff}
                  onClick={() => webhook.active && actions.test(webhook)}
                >
                  {vendor.test}
                </button>
                <a class="button" href={tenant.href(`${path}/edit`)}>
                  {words.actions.edit}
                </a>
              </>
            )}
            <RowMenu webhook={webhook} actions={actions} inList={false} />
          </>
        )
      }
    >
      <Read from={read} rows={6} back={<a href={back.href}>{back.label}</a>}>
        {(data) => (
          <>
            <Trouble webhook={data} actions={actions} />
            {data.lastChange !== undefined && <LastChange change={data.lastChange} />}
            <nav class="tabs" aria-label={detail.tabs}>
              {tabs.map(([name, label]) => (
                <a key={name} class="tab" href={tenant.href(name === 'overview' ? path : `${path}?tab=${name}`)} aria-current={tab === name ? 'page' : undefined}>
                  {label}
                </a>
              ))}
            </nav>
            {tab === 'overview' && <Overview webhook={data} stats={stats} />}
            {tab === 'log' && <LogView webhookId={data.id} contract={data.contract} query={query} />}
            {tab === 'inbox' && <InboxTab webhook={data} />}
            {tab === 'settings' && <Settings webhook={data} actions={actions} onChanged={read.set} />}
            {tab === 'verify' && <VerifyTab contract={data.contract} />}
          </>
        )}
      </Read>
      {actions.dialogs}
    </Page>
  );
}

