// What the test receiver has got, newest first.

import { api, take } from '../../api/client';
import type { components } from '../../api/schema';
import { segment } from '../../lib/place';
import { usePages } from '../../lib/resource';
import { safeBlock, safeLine } from '../../lib/safe-text';
import { useTenant } from '../../lib/tenant';
import { Read } from '../../parts/state';
import { More } from '../../parts/table';
import { Time } from '../../parts/time';
import { Status } from '../../parts/status';
import { base, texts } from '../../texts';
import type { Webhook } from '../webhooks/data';

type Received = components['schemas']['InboxRequestEntry'];

const headerLines = (headers: Received['headers']): string[] => Object.entries(headers).map(([name, value]) => `${name}: ${value}`);

export function Inbox({ webhook }: { webhook: Webhook }) {
  const words = texts('webhook').detail;
  const { id: tenantId, href } = useTenant();
  const read = usePages<Received>(`requests ${tenantId} ${webhook.id}`, (request) => request.id, (cursor, signal) => take(api.GET('/v1/tenants/{tenantId}/webhooks/{webhookId}/requests', { params: { path: { tenantId, webhookId: webhook.id }, query: { limit: 25, cursor } }, signal })));
  return (
    <section class="stack-small">
      <div class="row spread">
        <h2>{words.requests}</h2>
        {read.fresh > 0 && (
          <button type="button" class="button" onClick={read.showFresh}>
            {base().refresh.fresh(read.fresh)}
          </button>
        )}
      </div>
      <Read from={read} rows={2}>
        {(requests) =>
          requests.length === 0 ? (
            <p class="soft">{words.requestsEmpty}</p>
          ) : (
            <>
              {requests.map((request) => (
                <details class="card" key={request.id}>
                  <summary>
                    <Time at={request.receivedAt} /> · {safeLine(request.method)} · {request.response.statusCode}{' '}
                    {request.signature !== undefined && <Status name={request.signature.valid ? 'completed' : 'failed'} word={request.signature.valid ? words.signatureValid : words.signatureWrong} />}
                  </summary>
                  <div class="stack-small">
                    <a href={href(`deliveries/${segment(request.deliveryId)}`)}>{texts('webhook').test.see}</a>
                    {request.signature !== undefined && (
                      <ul class="plain-list">
                        {request.signature.checks.map((check) => (
                          <li key={check.name}>
                            <Status name={check.passed ? 'completed' : 'failed'} word={words.checks[check.name] ?? safeLine(check.name)} /> {safeLine(check.detail)}
                          </li>
                        ))}
                      </ul>
                    )}
                    <pre tabIndex={0}>{headerLines(request.headers).map(safeLine).join('\n')}</pre>
                    <pre tabIndex={0} class="preview">
                      {safeBlock(request.body ?? '')}
                    </pre>
                  </div>
                </details>
              ))}
              <More list={read} />
            </>
          )
        }
      </Read>
    </section>
  );
}
