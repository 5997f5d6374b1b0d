// For each webhook: whether it gets the event, why, and what would be sent.

import { api, take } from '../../api/client';
import type { components } from '../../api/schema';
import { fileName } from '../../lib/download';
import type { WebhookNames } from '../../lib/names';
import { useResource } from '../../lib/resource';
import { safeLine } from '../../lib/safe-text';
import { useTenant } from '../../lib/tenant';
import { BodyView } from '../../parts/body-view';
import { Fold } from '../../parts/fold';
import { LastChange } from '../../parts/last-change';
import { Failed, Loading } from '../../parts/state';
import { Status } from '../../parts/status';
import { FullTime, Time } from '../../parts/time';
import { texts } from '../../texts';
import { HeaderTable } from '../delivery/headers';
import { SentUrl } from '../delivery/request';

type Event = components['schemas']['Event'];
type WebhookExplanation = components['schemas']['WebhookExplanation'];

/** The looks of the results: those of deliveries. */
const LOOKS: Record<string, string> = { delivered: 'completed', pending: 'pending', due: 'retrying', failed: 'failed', not_wanted: 'inactive' };

export function Explanation({ event, names }: { event: Event; names: WebhookNames }) {
  const t = texts('events').explain;
  const tenant = useTenant();
  // It is asked again when something has happened to a delivery, not every 30 seconds.
  const state = event.deliveries.map(({ status, attempts, nextAttemptAt }) => `${status} ${attempts} ${nextAttemptAt ?? ''}`).join();
  const { data, error, reload } = useResource(
    `explain ${tenant.id} ${event.id} ${state}`,
    (signal) => take(api.GET('/v1/tenants/{tenantId}/events/{eventId}/explain', { params: { path: { tenantId: tenant.id, eventId: event.id } }, signal })),
    { refresh: false },
  );
  return (
    <section class="stack-small" aria-labelledby="explanation">
      <h2 id="explanation">{t.title}</h2>
      <p class="soft">{t.lead}</p>
      {data !== undefined ? (
        data.webhooks.length === 0 ? (
          <p>{t.noWebhooks}</p>
        ) : (
          <ul class="explained" aria-label={t.caption}>
            {data.webhooks.map((one) => (
              <One
                key={one.webhookId}
                one={one}
                name={one.webhookName === undefined ? names.of(one.webhookId) : safeLine(one.webhookName)}
                changedAt={names.changedAt(one.webhookId)}
                eventId={event.id}
              />
            ))}
          </ul>
        )
      ) : error === undefined ? (
        <Loading rows={3} />
      ) : error.kind === 'missing' ? (
        <p class="soft">{t.unavailable}</p>
      ) : (
        <Failed error={error} onRetry={() => void reload()} />
      )}
    </section>
  );
}

function One({ one, name, changedAt, eventId }: { one: WebhookExplanation; name: string; changedAt: string | undefined; eventId: string }) {
  const t = texts('events').explain;
  const { href } = useTenant();
  const { request, nextAttempts } = one;
  return (
    <li class="card">
      <div class="row spread">
        <span class="row">
          <a href={href(`webhooks/${encodeURIComponent(one.webhookId)}`)}>{name}</a>
          <Status name={LOOKS[one.result] ?? one.result} word={t.results[one.result]} />
        </span>
        {one.deliveryId !== undefined && <a href={href(`deliveries/${encodeURIComponent(one.deliveryId)}`)}>{t.delivery}</a>}
      </div>
      <p>{t.reasons[one.reason] ?? safeLine(one.detail)}</p>
      {one.lastChange !== undefined ? (
        <LastChange change={one.lastChange} />
      ) : (
        one.result === 'not_wanted' &&
        changedAt !== undefined && (
          <p class="soft small">
            {t.lastChanged} <FullTime at={changedAt} />
          </p>
        )
      )}
      {nextAttempts.length > 0 && (
        <details>
          <summary>
            {t.nextAttempts(nextAttempts.length)}
            <span class="soft">
              {': '}
              <Time at={nextAttempts[0]} />
            </span>
          </summary>
          <ol class="attempt-times">
            {nextAttempts.map((at) => (
              <li key={at}>
                <FullTime at={at} />
              </li>
            ))}
          </ol>
        </details>
      )}
      {request !== undefined && (
        <Fold summary={one.result === 'delivered' || one.result === 'failed' ? t.sent : t.request}>
          {() => (
            <div class="stack-small explained-request">
              <SentUrl method={request.method} url={request.url} />
              <HeaderTable headers={Object.entries(request.headers)} label={t.request} masked="***" />
              {request.body !== undefined && (
                <BodyView text={request.body} label={t.request} file={fileName(eventId, one.webhookId, 'request.txt')} request={request} />
              )}
              {request.signedText !== undefined && (
                <>
                  <h3>{t.signedText}</h3>
                  <BodyView text={request.signedText} label={t.signedText} file={fileName(eventId, one.webhookId, 'signed.txt')} />
                </>
              )}
            </div>
          )}
        </Fold>
      )}
      {one.requestOmitted === true && <p class="soft small">{t.omitted}</p>}
    </li>
  );
}
