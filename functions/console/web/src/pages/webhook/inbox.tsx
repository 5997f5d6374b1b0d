// The test receiver: what it answers, and what it has got, newest first.

import { api, take } from '../../api/client';
import type { components } from '../../api/schema';
import { can } from '../../api/session';
import { segment } from '../../lib/place';
import { usePages } from '../../lib/resource';
import { safeBlock, safeLine } from '../../lib/safe-text';
import { useTenant } from '../../lib/tenant';
import { duration } from '../../lib/time';
import { Read } from '../../parts/state';
import { Status } from '../../parts/status';
import { More } from '../../parts/table';
import { Time } from '../../parts/time';
import { base, locale, texts } from '../../texts';
import type { Webhook } from '../webhooks/data';
import { Answers } from './inbox-answers';

type Received = components['schemas']['InboxRequestEntry'];

const headerLines = (headers: Received['headers']): string[] => Object.entries(headers).map(([name, value]) => `${name}: ${value}`);

export function Inbox({ webhook }: { webhook: Webhook }) {
  const words = texts('inbox').requests;
  const { id: tenantId } = useTenant();
  const read = usePages<Received>(
    `requests ${tenantId} ${webhook.id}`,
    (request) => request.id,
    (cursor, signal) => take(api.GET('/v1/tenants/{tenantId}/webhooks/{webhookId}/requests', { params: { path: { tenantId, webhookId: webhook.id }, query: { limit: 25, cursor } }, signal })),
  );
  return (
    <>
      {can('webhooks:write') && <Answers webhook={webhook} />}
      <section class="stack-small">
        <div class="row spread">
          <h2>{words.title}</h2>
          <span class="row" role="status">
            {read.fresh > 0 && (
              <button type="button" class="button" onClick={read.showFresh}>
                {base().refresh.fresh(read.fresh)}: {base().refresh.show}
              </button>
            )}
          </span>
        </div>
        <p class="soft">{words.keeps}</p>
        <Read from={read} rows={2}>
          {(requests) =>
            requests.length === 0 ? (
              <p>{words.empty}</p>
            ) : (
              <>
                {requests.map((request) => (
                  <Request key={request.id} request={request} />
                ))}
                <More list={read} />
              </>
            )
          }
        </Read>
      </section>
    </>
  );
}

function Request({ request }: { request: Received }) {
  const words = texts('inbox').requests;
  const { href } = useTenant();
  const { response, signature } = request;
  const answered = response.timedOut ? words.timedOut(response.statusCode) : words.answered(response.statusCode);
  const delayed = response.delayMs > 0 ? ` ${words.delayed(duration(response.delayMs, locale()))}` : '';
  return (
    <details class="card" data-id={request.id}>
      <summary>
        <Time at={request.receivedAt} /> · {words.attempt(request.attempt)} · {answered}
        {delayed} · {signature === undefined ? <span class="soft">{words.unsigned}</span> : <Status name={signature.valid ? 'completed' : 'failed'} word={signature.valid ? words.valid : words.wrong} />}
      </summary>
      <div class="stack-small">
        {can('deliveries:read') && <a href={href(`deliveries/${segment(request.deliveryId)}`)}>{words.see}</a>}
        {signature !== undefined && (
          <ul class="plain-list">
            {signature.checks.map((check) => (
              <li key={check.name}>
                <Status name={check.passed ? 'completed' : 'failed'} word={words.checks[check.name] ?? safeLine(check.name)} /> {safeLine(check.detail)}
              </li>
            ))}
          </ul>
        )}
        <pre tabIndex={0} aria-label={words.headers}>
          {headerLines(request.headers).map(safeLine).join('\n')}
        </pre>
        {request.body === undefined ? (
          <p class="soft">{words.erased}</p>
        ) : (
          <pre tabIndex={0} class="preview" aria-label={words.body}>
            {safeBlock(request.body)}
          </pre>
        )}
      </div>
    </details>
  );
}
