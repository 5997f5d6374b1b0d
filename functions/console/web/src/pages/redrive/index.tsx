// One job: how far it is, how fast it goes, when it ends, and how to stop it. It has an address of
// its own, so a reload shows the same.

import { useEffect, useState } from 'preact/hooks';

import './redrive.css';
import type { PageProps } from '../../app';
import { can } from '../../api/session';
import { choiceOf } from '../../lib/choice';
import { readRedrive, type Redrive, stopRedrive } from '../../lib/dead-letters';
import { useWebhookNames } from '../../lib/names';
import { left, measuredRate, type Sample, sampled, secondsLeft, share, through, totalOf } from '../../lib/redrive-progress';
import { hidden, now, offline } from '../../lib/refresh';
import { type Resource, useResource } from '../../lib/resource';
import { useTenant } from '../../lib/tenant';
import { relative } from '../../lib/time';
import { Confirm } from '../../parts/dialog';
import { Page } from '../../parts/page';
import { Read } from '../../parts/state';
import { Status } from '../../parts/status';
import { FullTime } from '../../parts/time';
import { say } from '../../parts/toast';
import { base, locale, texts } from '../../texts';
import { LOOKS } from '../redrives';

/** While it runs. */
const POLL_MS = 2000;

const number = (value: number): string => value.toLocaleString(locale());

export default function RedrivePage({ params }: PageProps) {
  const t = texts('redrives');
  const tenant = useTenant();
  const id = params['id'] ?? '';
  const names = useWebhookNames(tenant.id);
  const job = useResource(`redrive ${tenant.id} ${id}`, (signal) => readRedrive(tenant.id, id, signal));
  const samples = useSamples(job);
  const back = { href: tenant.href('redrives'), label: t.back };
  const { data } = job;
  return (
    <Page
      title={t.one}
      back={back}
      status={data !== undefined && <Status name={LOOKS[data.status] ?? data.status} word={t.status[data.status]} />}
      actions={
        <>
          <a class="button" href={tenant.href('dead-letters')}>
            {t.see}
          </a>
          {data?.status === 'running' && can('deliveries:retry') && <Stop job={data} onStopped={job.set} />}
        </>
      }
    >
      <Read
        from={job}
        rows={4}
        back={
          <a class="button" href={back.href}>
            {t.back}
          </a>
        }
      >
        {(shown) => (
          <>
            <p role="status">
              <strong>{answer(shown)}</strong>
            </p>
            <p>{choiceOf(shown, names)}</p>
            <Progress job={shown} rate={measuredRate(samples)} />
          </>
        )}
      </Read>
    </Page>
  );
}

/** Asks every two seconds while it runs and somebody can see it. */
function useSamples(job: Resource<Redrive>): Sample[] {
  const [samples, setSamples] = useState<Sample[]>([]);
  const { data, at, reload } = job;
  const running = data?.status === 'running';
  useEffect(() => {
    if (data !== undefined) setSamples((before) => sampled(before, { at, through: through(data) }));
  }, [at]);
  useEffect(() => {
    if (!running) return undefined;
    const timer = setInterval(() => {
      if (!hidden.value && !offline.value) void reload();
    }, POLL_MS);
    return () => clearInterval(timer);
  }, [running]);
  return samples;
}

function answer(job: Redrive): string {
  const t = texts('redrives').sentence;
  switch (job.status) {
    case 'completed':
      return job.failed > 0 ? t.completedSome(number(job.done), number(job.failed)) : t.completed(number(job.done));
    case 'cancelled':
      return t.cancelled(number(job.done));
    default:
      return t.running(number(through(job)), number(totalOf(job)));
  }
}

function Progress({ job, rate }: { job: Redrive; rate: number | undefined }) {
  const t = texts('redrives');
  const isRunning = job.status === 'running';
  const percent = Math.round(share(job) * 100);
  const seconds = secondsLeft(job, rate);
  return (
    <section class="card stack" aria-label={t.progress}>
      <div class="row">
        <progress class="progress" max={100} value={percent} aria-label={t.progress} />
        <strong class="number">{`${percent} %`}</strong>
      </div>
      <dl class="facts">
        <dt>{t.done}</dt>
        <dd>{number(job.done)}</dd>
        <dt>{t.failed}</dt>
        <dd>
          {number(job.failed)}
          {job.failed > 0 && <span class="soft small">{` ${t.failedHelp}`}</span>}
        </dd>
        <dt>{t.skipped}</dt>
        <dd>
          {number(job.skipped)}
          {job.skipped > 0 && <span class="soft small">{` ${t.skippedHelp}`}</span>}
        </dd>
        <dt>{t.left}</dt>
        <dd>{number(left(job))}</dd>
        <dt>{t.rate}</dt>
        <dd>
          {isRunning && rate !== undefined
            ? t.rateNow(rate.toLocaleString(locale(), { maximumFractionDigits: 1 }), number(job.ratePerSecond))
            : t.perSecond(number(job.ratePerSecond))}
        </dd>
        {isRunning && (
          <>
            <dt>{t.ends}</dt>
            <dd>{seconds === undefined ? t.measuring : relative(now.value + seconds * 1000, now.value, base().time)}</dd>
          </>
        )}
        <dt>{t.started}</dt>
        <dd>
          <FullTime at={job.createdAt} />
        </dd>
        {job.endedAt !== undefined && (
          <>
            <dt>{t.ended}</dt>
            <dd>
              <FullTime at={job.endedAt} />
            </dd>
          </>
        )}
      </dl>
    </section>
  );
}

export function Stop({ job, onStopped, small }: { job: Redrive; onStopped: (job: Redrive) => void; small?: boolean }) {
  const t = texts('redrives');
  const [asking, setAsking] = useState(false);
  const stop = async (): Promise<void> => {
    onStopped(await stopRedrive(job.tenantId, job.id));
    setAsking(false);
    say(t.stopped);
  };
  return (
    <>
      <button type="button" class={small === true ? 'button small-button' : 'button'} onClick={() => setAsking(true)}>
        {t.stop}
      </button>
      {asking && (
        <Confirm
          title={t.stopTitle}
          action={t.stopConfirm}
          cancel={t.keepRunning}
          onClose={() => setAsking(false)}
          onConfirm={stop}
        >
          <p>{t.stopText}</p>
        </Confirm>
      )}
    </>
  );
}
