// The request as it was sent.

import { fileName } from '../../lib/download';
import type { DeliveryDetail } from '../../lib/retry';
import { safeLine, urlParts } from '../../lib/safe-text';
import { BodyView } from '../../parts/body-view';
import { Copy } from '../../parts/copy';
import { texts } from '../../texts';
import { HeaderTable } from './headers';

/** What the API shows in place of a value. */
const MASK = '***';

export function RequestView({ delivery }: { delivery: DeliveryDetail }) {
  const t = texts('delivery');
  const { request } = delivery;
  return (
    <section class="stack-small" aria-labelledby="request">
      <h2 id="request">{t.request}</h2>
      {request === undefined ? (
        <p class="soft">{t.noRequest}</p>
      ) : (
        <>
          <p class="soft small">{t.requestHelp}</p>
          <SentUrl method={request.method} url={request.url} />
          <HeaderTable headers={Object.entries(request.headers)} label={`${t.request}: ${t.headers}`} masked={MASK} />
          {request.body === undefined ? (
            <p class="soft">{t.requestErased}</p>
          ) : (
            <BodyView text={request.body} label={`${t.request}: ${t.body}`} file={fileName(delivery.id, 'request.txt')} request={request} />
          )}
        </>
      )}
    </section>
  );
}

/** A URL is text, never a link; its host is set off. */
export function SentUrl({ method, url }: { method?: string; url: string }) {
  const { scheme, host, path } = urlParts(url);
  const t = texts('delivery');
  return (
    <p class="sent-url mono">
      {method !== undefined && <strong>{`${safeLine(method)} `}</strong>}
      <span>
        <span class="soft">{scheme === '' && host !== '' ? 'https://' : scheme}</span>
        <strong>{host}</strong>
        {path}
      </span>
      <Copy text={url} what={t.url} />
    </p>
  );
}
