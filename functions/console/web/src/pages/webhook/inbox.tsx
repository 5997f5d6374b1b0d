// What the test receiver has got, newest first. The shapes are those of the API's next version.

import { raw } from '../../api/client';
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

interface Received {
  id: string;
  receivedAt: string;
  deliveryId?: string;
  attempt?: number;
  method?: string;
  headers?: Record<string, string> | { name: string; value: string }[];
  body?: string;
  signature?: { valid?: boolean };
  response?: { statusCode?: number };
}

const headerLines = (headers: Received['headers']): string[] => (Array.isArray(headers) ? headers.map(({ name, value }) => `${name}: ${value}`) : Object.entries(headers ?? {}).map(([name, value]) => `${name}: ${value}`));

export function Inbox({ webhook }: { webhook: Webhook }) {
  const words = texts('webhooks').detail;
  const { id: tenantId, href } = useTenant();
  const path = `/v1/tenants/${segment(tenantId)}/webhooks/${segment(webhook.id)}/requests`;
  const read = usePages<Received>(`requests ${tenantId} ${webhook.id}`, (request) => request.id, (cursor, signal) => raw('GET', `${path}?limit=25${cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`}`, undefined, { signal }));
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
                    <Time at={request.receivedAt} /> · {safeLine(request.method ?? 'POST')} · {request.response?.statusCode}{' '}
                    {request.signature?.valid !== undefined && <Status name={request.signature.valid ? 'completed' : 'failed'} word={request.signature.valid ? words.signatureValid : words.signatureWrong} />}
                  </summary>
                  <div class="stack-small">
                    {request.deliveryId !== undefined && <a href={href(`deliveries/${segment(request.deliveryId)}`)}>{texts('webhooks').test.see}</a>}
                    <pre tabIndex={0}>{headerLines(request.headers).map(safeLine).join('\n')}</pre>
                    <pre tabIndex={0} class="preview">
                      {safeBlock(request.body ?? '')}
                    </pre>
                  </div>
                </details>
              ))}
              <More more={read.more} loading={read.loadingMore} onMore={() => void read.loadMore()} label={base().words.loadMore} />
            </>
          )
        }
      </Read>
    </section>
  );
}
