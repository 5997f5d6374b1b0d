// One dead letter: the reason in words, and the message if it never became an event.

import { api, take } from '../../api/client';
import type { DeadLetter } from '../../lib/dead-letters';
import { fileName } from '../../lib/download';
import { ofReason, ofStatus, short } from '../../lib/explanations';
import type { WebhookNames } from '../../lib/names';
import { useResource } from '../../lib/resource';
import { safeLine } from '../../lib/safe-text';
import { useTenant } from '../../lib/tenant';
import { BodyView } from '../../parts/body-view';
import { Id } from '../../parts/copy';
import { Dialog } from '../../parts/dialog';
import { Read } from '../../parts/state';
import { Notice } from '../../parts/status';
import { FullTime } from '../../parts/time';
import { base, texts } from '../../texts';
import { lastOf, nameOf } from './rows';

export function Details({ id, names, onClose }: { id: string; names: WebhookNames; onClose: () => void }) {
  const t = texts('deadLetters');
  const { id: tenantId } = useTenant();
  const letter = useResource(
    `dead letter ${tenantId} ${id}`,
    (signal) => take(api.GET('/v1/tenants/{tenantId}/dead-letters/{deadLetterId}', { params: { path: { tenantId, deadLetterId: id } }, signal })),
    { refresh: false },
  );
  return (
    <Dialog
      wide
      title={letter.data === undefined ? t.detailTitle : nameOf(letter.data)}
      onClose={onClose}
      foot={
        <button type="button" class="button" data-autofocus onClick={onClose}>
          {base().words.close}
        </button>
      }
    >
      <Read from={letter} rows={4}>
        {(shown) => <Facts letter={shown} names={names} />}
      </Read>
    </Dialog>
  );
}

function Facts({ letter, names }: { letter: DeadLetter; names: WebhookNames }) {
  const t = texts('deadLetters');
  const failures = texts('failures');
  const { href } = useTenant();
  const { lastError, lastResponseCode } = letter;
  const advice = lastResponseCode !== undefined ? ofStatus(failures, lastResponseCode) : lastError === undefined ? undefined : failures.attempt[lastError];
  return (
    <>
      <Notice tone="bad" icon="bad">
        <strong>{short(failures, safeLine(letter.reason))}</strong>
        <p>{ofReason(failures, letter.reason)}</p>
        {advice !== undefined && <p>{advice}</p>}
        <p class="soft small">{safeLine(letter.detail)}</p>
      </Notice>
      <dl class="facts">
        <dt>{t.columns.died}</dt>
        <dd>
          <FullTime at={letter.createdAt} />
        </dd>
        {letter.redrivenAt !== undefined && (
          <>
            <dt>{t.redrivenAt}</dt>
            <dd>
              <FullTime at={letter.redrivenAt} />
            </dd>
          </>
        )}
        {letter.webhookId !== undefined && (
          <>
            <dt>{t.columns.webhook}</dt>
            <dd>
              <a href={href(`webhooks/${encodeURIComponent(letter.webhookId)}`)}>{names.of(letter.webhookId)}</a>
            </dd>
          </>
        )}
        {letter.kind === 'delivery' && (
          <>
            <dt>{t.columns.last}</dt>
            <dd>{lastOf(letter)}</dd>
            <dt>{t.columns.attempts}</dt>
            <dd>{letter.attempts ?? '–'}</dd>
          </>
        )}
        {letter.eventId !== undefined && (
          <>
            <dt>{t.columns.event}</dt>
            <dd>
              <a href={href(`events/${encodeURIComponent(letter.eventId)}`)}>{safeLine(letter.eventId)}</a>
            </dd>
          </>
        )}
        {letter.deliveryId !== undefined && (
          <>
            <dt>{t.delivery}</dt>
            <dd>
              <a href={href(`deliveries/${encodeURIComponent(letter.deliveryId)}`)}>{t.seeDelivery}</a>
            </dd>
          </>
        )}
        {letter.senderId !== undefined && (
          <>
            <dt>{t.sender}</dt>
            <dd class="mono">{safeLine(letter.senderId)}</dd>
          </>
        )}
        {letter.messageId !== undefined && (
          <>
            <dt>{t.messageId}</dt>
            <dd>
              <Id id={letter.messageId} what={t.messageId} max={40} />
            </dd>
          </>
        )}
      </dl>
      {letter.message !== undefined && (
        <section class="stack-small">
          <h3>{t.text}</h3>
          <BodyView text={letter.message} label={t.text} file={fileName(letter.id, 'message.txt')} />
        </section>
      )}
    </>
  );
}
