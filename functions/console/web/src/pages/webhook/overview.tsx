// What a person looks for first: is it active, when was it triggered, how well does it go.

import { can } from '../../api/session';
import { IN_PROGRESS } from '../../lib/list-filter';
import { segment } from '../../lib/place';
import { safeLine } from '../../lib/safe-text';
import { ofWebhook, type Stats } from '../../lib/stats';
import { useTenant } from '../../lib/tenant';
import { Copy, Id } from '../../parts/copy';
import { FullTime, Time } from '../../parts/time';
import { locale, texts } from '../../texts';
import { INBOX, rateOf, statusWord, vendorWords, type Webhook } from '../webhooks/data';
import { Charts } from './other-tabs';

export function Overview({ webhook, stats }: { webhook: Webhook; stats: Stats | undefined }) {
  const { id: tenantId, href } = useTenant();
  const words = texts('webhooks');
  const { detail } = texts('webhook');
  const vendor = vendorWords(webhook.contract);
  const counts = stats === undefined ? undefined : ofWebhook(stats, webhook.id);
  const number = (count: number): string => count.toLocaleString(locale());
  return (
    <>
      <dl class="facts card">
        <dt>{vendor.name}</dt>
        <dd>{webhook.name === undefined ? <span class="soft">{words.list.unnamed}</span> : safeLine(webhook.name)}</dd>
        <dt>{vendor.url}</dt>
        <dd class="row">
          {webhook.url === INBOX ? (
            <>
              {words.list.isInbox}
              <a href={href(`webhooks/${segment(webhook.id)}?tab=inbox`)}>{texts('inbox').requests.title}</a>
            </>
          ) : (
            <>
              <span class="mono">{safeLine(webhook.url)}</span>
              <Copy text={webhook.url} what={vendor.url} />
            </>
          )}
        </dd>
        <dt>{vendor.events}</dt>
        <dd>
          <ul class="chips">
            {webhook.events.map((filter) => (
              <li key={filter}>{filter === '*' ? words.list.allEvents : filter.endsWith('.*') ? safeLine(words.list.wholeOf(filter.slice(0, -2))) : <code>{safeLine(filter)}</code>}</li>
            ))}
          </ul>
        </dd>
        <dt>{words.list.status}</dt>
        <dd>{statusWord(webhook)}</dd>
        {can('deliveries:read') && (
          <>
            <dt>{words.list.last}</dt>
            <dd>{stats === undefined ? <span class="soft">…</span> : <Time at={counts?.lastTriggeredAt} none={detail.noEvents} />}</dd>
            <dt>{words.list.rate}</dt>
            <dd>{stats === undefined ? <span class="soft">…</span> : (rateOf(counts, locale(), stats.complete) ?? <span class="soft">{words.list.noRate}</span>)}</dd>
            {counts !== undefined && (
              <>
                <dt>{detail.counts24}</dt>
                <dd>
                  <CountLinks webhookId={webhook.id} counts={[[detail.completed(number(counts.completed)), 'completed'], [detail.failed(number(counts.failed)), 'failed'], [detail.inProgress(number(counts.inProgress)), IN_PROGRESS]]} />
                </dd>
              </>
            )}
          </>
        )}
        <dt>{detail.created}</dt>
        <dd>
          <FullTime at={webhook.createdAt} />
        </dd>
        <dt>{detail.updated}</dt>
        <dd>
          <FullTime at={webhook.updatedAt} />
        </dd>
        <dt>{detail.id}</dt>
        <dd>
          <Id id={webhook.id} what={detail.id} max={32} />
        </dd>
      </dl>
      {can('deliveries:read') && <Charts tenantId={tenantId} webhookId={webhook.id} />}
    </>
  );
}

function CountLinks({ webhookId, counts }: { webhookId: string; counts: [string, string][] }) {
  const { href } = useTenant();
  return (
    <span class="row">
      {counts.map(([text, status]) => (
        <a key={status} href={href(`webhooks/${segment(webhookId)}?tab=log&status=${status}`)}>
          {text}
        </a>
      ))}
    </span>
  );
}

