// One dead letter: what it means, and a message as it came, as text.

import { api, take } from '../../api/client';
import { place, tenantHref } from '../../lib/place';
import { useResource } from '../../lib/resource';
import { safeBlock, safeLine } from '../../lib/safe-text';
import { Copy, Id } from '../../parts/copy';
import { Dialog } from '../../parts/dialog';
import { Read } from '../../parts/state';
import { FullTime } from '../../parts/time';
import { texts } from '../../texts';
import { meaning, nameOf, type DeadLetter } from '.';

export function Details({ one, onClose }: { one: DeadLetter; onClose: () => void }) {
  const read = useResource(`dead letter ${one.id}`, (signal) => take(api.GET('/v1/dead-letters/{deadLetterId}', { params: { path: { deadLetterId: one.id } }, signal })), { refresh: false });
  return (
    <Dialog wide title={nameOf(one)} onClose={onClose}>
      <Read from={read} rows={5}>
        {(letter) => <Facts one={letter} />}
      </Read>
    </Dialog>
  );
}

function Facts({ one }: { one: DeadLetter }) {
  const words = texts('operator').deadLetters;
  const tenantId = one.tenantId;
  const link = (path: string, text: string) => (tenantId === undefined ? safeLine(text) : <a href={tenantHref(place, tenantId, path)}>{safeLine(text)}</a>);
  const facts: [string, preact.ComponentChildren][] = [
    [words.meaning, meaning(one)],
    ['', safeLine(one.detail)],
    [words.columns.tenant, tenantId === undefined ? words.nobody : link('dead-letters', tenantId)],
    [words.columns.created, <FullTime at={one.createdAt} />],
  ];
  if (one.eventId !== undefined) facts.push([words.event, link(`events/${encodeURIComponent(one.eventId)}`, one.eventId)]);
  if (one.deliveryId !== undefined) facts.push([words.delivery, link(`deliveries/${encodeURIComponent(one.deliveryId)}`, one.deliveryId)]);
  if (one.webhookId !== undefined) facts.push([words.webhook, link(`webhooks/${encodeURIComponent(one.webhookId)}`, one.webhookId)]);
  if (one.senderId !== undefined) facts.push([words.sender, <code>{safeLine(one.senderId)}</code>]);
  if (one.messageId !== undefined) facts.push([words.messageId, <code>{safeLine(one.messageId)}</code>]);
  facts.push([words.id, <Id id={one.id} what={words.id} max={40} />]);
  return (
    <>
      <dl class="facts">
        {facts.flatMap(([name, value], at) => [<dt key={`t${at}`}>{name}</dt>, <dd key={`d${at}`}>{value}</dd>])}
      </dl>
      {one.kind === 'message' && (
        <section class="stack-small">
          <div class="row spread">
            <h3>{words.raw}</h3>
            {one.message !== undefined && <Copy text={one.message} what={words.raw} />}
          </div>
          <p class="soft small">{words.rawHint}</p>
          {one.message === undefined ? (
            <p>{words.noRaw}</p>
          ) : (
            <pre class="raw-message" tabIndex={0} aria-label={words.raw}>
              {safeBlock(one.message)}
            </pre>
          )}
        </section>
      )}
    </>
  );
}
