// The timeline on one side; the request and the selected attempt's response on the other.

import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';

import { fileName } from '../../lib/download';
import { ofAttempt, ofDelivery, ofStatus, short } from '../../lib/explanations';
import { now } from '../../lib/refresh';
import type { Attempt, DeliveryDetail } from '../../lib/retry';
import { safeLine } from '../../lib/safe-text';
import { useTenant } from '../../lib/tenant';
import { duration, relative } from '../../lib/time';
import { BodyView } from '../../parts/body-view';
import { Notice } from '../../parts/status';
import { FullTime, Time } from '../../parts/time';
import { Timeline, type TimelineEntry } from '../../parts/timeline';
import { base, locale, texts } from '../../texts';
import { HeaderTable } from './headers';
import { SentUrl } from './request';

/** Without the status and the event's page, an attempt is a success if the delivery ended with it. */
function arrived(attempt: Attempt, delivery: DeliveryDetail): boolean {
  const last = delivery.attemptLog[delivery.attemptLog.length - 1];
  if (delivery.status === 'completed' && attempt.number === last?.number) return true;
  return attempt.responseCode !== undefined && attempt.responseCode >= 200 && attempt.responseCode < 300;
}

function outcome(attempt: Attempt): string {
  const what =
    attempt.responseCode === undefined
      ? attempt.error === undefined
        ? ''
        : short(texts('failures'), safeLine(attempt.error.code))
      : String(attempt.responseCode);
  return [what, duration(attempt.durationMs, locale())].filter((part) => part !== '').join(' · ');
}

export function Attempts({ delivery, request }: { delivery: DeliveryDetail; request: ComponentChildren }) {
  const t = texts('delivery');
  const log = delivery.attemptLog;
  const [chosen, setChosen] = useState<number | undefined>();
  // The newest one, until somebody has chosen: then that one stays, whatever comes.
  const selected = log.find(({ number }) => number === chosen) ?? log[log.length - 1];
  const entries = timeline(delivery, selected?.number, setChosen);
  return (
    <div class="delivery-sides">
      <section class="stack-small delivery-timeline" aria-labelledby="timeline">
        <h2 id="timeline">{t.timeline}</h2>
        <Timeline label={t.timeline} entries={entries} />
      </section>
      <div class="stack">
        {request}
        {selected !== undefined && <ResponseView attempt={selected} delivery={delivery} />}
      </div>
    </div>
  );
}

function timeline(delivery: DeliveryDetail, selected: number | undefined, select: (number: number) => void): TimelineEntry[] {
  const t = texts('delivery');
  const log = texts('log');
  const entries: TimelineEntry[] = [];
  if (delivery.eventTimestamp !== undefined)
    entries.push({ id: 'occurred', title: t.occurred, at: <Time at={delivery.eventTimestamp} />, tone: 'off', icon: 'events' });
  entries.push({ id: 'accepted', title: t.accepted, at: <Time at={delivery.createdAt} />, tone: 'off', icon: 'dot' });
  const omitted = delivery.attempts - delivery.attemptLog.length;
  if (omitted > 0) entries.push({ id: 'omitted', title: t.omitted(omitted), tone: 'off', icon: 'more' });
  for (const attempt of delivery.attemptLog) {
    const good = arrived(attempt, delivery);
    entries.push({
      id: `attempt-${attempt.number}`,
      title: t.attemptBy(attempt.number, log.triggers[attempt.trigger] ?? safeLine(attempt.trigger)),
      detail: outcome(attempt),
      at: <Time at={attempt.at} />,
      tone: good ? 'ok' : 'bad',
      icon: good ? 'ok' : 'bad',
      onSelect: () => select(attempt.number),
      selected: attempt.number === selected,
    });
  }
  return [...entries, ...end(delivery)];
}

/** What comes after the last attempt. */
function end(delivery: DeliveryDetail): TimelineEntry[] {
  const t = texts('delivery');
  const entries: TimelineEntry[] = [];
  if (delivery.manualAttemptWaiting === true) entries.push({ id: 'requested', title: t.requested, tone: 'wait', icon: 'retry' });
  if (delivery.erasedAt !== undefined) entries.push({ id: 'erased', title: t.erased, at: <Time at={delivery.erasedAt} />, tone: 'off', icon: 'off' });
  if (delivery.nextAttemptAt !== undefined) {
    entries.push({
      id: 'next',
      title: t.nextAttempt,
      detail: relative(Date.parse(delivery.nextAttemptAt), now.value, base().time),
      at: <FullTime at={delivery.nextAttemptAt} />,
      tone: 'warn',
      icon: 'wait',
    });
  } else if (delivery.status === 'failed') {
    const reason = delivery.errorCode === undefined ? undefined : ofDelivery(texts('failures'), delivery.errorCode);
    entries.push({ id: 'end', title: t.noMore, detail: reason, tone: 'bad', icon: 'off' });
  } else if (delivery.attempts === 0) {
    entries.push({ id: 'none', title: t.noAttempt, tone: 'wait', icon: 'wait' });
  }
  return entries;
}

function ResponseView({ attempt, delivery }: { attempt: Attempt; delivery: DeliveryDetail }) {
  const t = texts('delivery');
  const failures = texts('failures');
  const { id } = useTenant();
  const { responseCode, error, responseBody } = attempt;
  const meaning = error !== undefined ? ofAttempt(failures, error.code) : responseCode === undefined ? undefined : ofStatus(failures, responseCode);
  return (
    <section class="stack-small" aria-labelledby="response">
      <h2 id="response">{t.responseOf(attempt.number)}</h2>
      <p>
        <strong>{responseCode === undefined ? t.noResponse : failures.answered(responseCode)}</strong>
        <span class="soft">{` ${duration(attempt.durationMs, locale())} · `}</span>
        <span class="soft">
          <FullTime at={attempt.at} />
        </span>
      </p>
      {meaning !== undefined && (
        <Notice tone={arrived(attempt, delivery) ? 'off' : 'bad'}>
          <p>{meaning}</p>
          {error !== undefined && <p class="soft small">{`${safeLine(error.code)}: ${safeLine(error.message)}`}</p>}
        </Notice>
      )}
      {attempt.url !== delivery.request?.url && (
        <div>
          <span class="soft small">{t.urlThen}</span>
          <SentUrl url={attempt.url} />
        </div>
      )}
      {responseCode !== undefined && delivery.erasedAt !== undefined && responseBody === undefined ? (
        <p class="soft">{t.responseErased}</p>
      ) : (
        responseCode !== undefined && (
          <>
            <HeaderTable headers={Object.entries(attempt.responseHeaders ?? {})} label={`${t.response}: ${t.headers}`} />
            {responseBody === undefined || responseBody === '' ? (
              <p class="soft">{t.emptyBody}</p>
            ) : (
              <BodyView
                key={`${id} ${attempt.number}`}
                text={responseBody}
                label={`${t.response}: ${t.body}`}
                file={fileName(delivery.id, `response-${attempt.number}.txt`)}
              />
            )}
            {attempt.truncated === true && <p class="soft small">{t.truncated}</p>}
          </>
        )
      )}
    </section>
  );
}
