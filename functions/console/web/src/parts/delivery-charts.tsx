// The last 24 hours in three charts: by outcome, by answer, and how fast the receiver answers. For
// a tenant from the API's buckets; for one webhook from its newest deliveries.

import { useEffect } from 'preact/hooks';

import { api, take } from '../api/client';
import { bucketsOf, classesOf, hours, NO_ANSWER, ofClass, type Bucket, type CountedDelivery } from '../lib/buckets';
import { everyPage } from '../lib/every-page';
import { onRefresh } from '../lib/refresh';
import { useResource } from '../lib/resource';
import { locale, texts } from '../texts';
import { absolute } from '../lib/time';
import { Chart, type Row, type Series, type Tone } from './chart';
import { Read } from './state';

const HOURS = 24;
const MAX_PAGES = 4;
/** Counting is the dearest call of a page: at most once a minute. */
const MIN_AGE = 55_000;

interface Counted {
  buckets: Bucket[];
  /** Where the count begins, if it does not go back to the start. */
  since?: string;
  /** How many were counted then, if that is known. */
  counted?: number;
}

async function ofWebhook(tenantId: string, webhookId: string, starts: number[], signal: AbortSignal): Promise<Counted> {
  const since = new Date(starts[0] ?? 0).toISOString();
  const { items, more } = await everyPage<CountedDelivery & { createdAt: string }>((cursor) => take(api.GET('/v1/tenants/{tenantId}/deliveries', { params: { path: { tenantId }, query: { webhookId, since, limit: 250, cursor } }, signal })), MAX_PAGES);
  return { buckets: bucketsOf(items, starts), ...(more && { since: items.at(-1)?.createdAt, counted: items.length }) };
}

export function DeliveryCharts({ tenantId, webhookId }: { tenantId: string; webhookId: string }) {
  const words = texts('charts');
  const counted = useResource<Counted>(
    `charts ${tenantId} ${webhookId}`,
    (signal) => ofWebhook(tenantId, webhookId, hours(Date.now(), HOURS), signal),
    { refresh: false },
  );
  const { at, reload } = counted;
  useEffect(() => onRefresh(() => (Date.now() - at >= MIN_AGE ? reload() : undefined)), [at, reload]);
  return (
    <section class="stack" aria-label={words.title}>
      <h2>{words.title}</h2>
      <Read from={counted} rows={6}>
        {({ buckets, since, counted: count }) => (
          <>
            {since !== undefined && <p class="soft">{count === undefined ? words.partialSince(absolute(Date.parse(since), locale())) : words.partial(count.toLocaleString(locale()), absolute(Date.parse(since), locale()))}</p>}
            <Charts buckets={buckets} />
          </>
        )}
      </Read>
    </section>
  );
}

const CLASS_TONES: Record<string, Tone> = { '2xx': 'good', '3xx': 'wait', '4xx': 'warn', '5xx': 'bad' };

function Charts({ buckets }: { buckets: Bucket[] }) {
  const words = texts('charts');
  const hour = new Intl.DateTimeFormat(locale(), { hour: '2-digit', minute: '2-digit' });
  const full = new Intl.DateTimeFormat(locale(), { dateStyle: 'medium', timeStyle: 'short' });
  const rows = (values: (bucket: Bucket) => (number | null)[]): Row[] =>
    buckets.map((bucket) => ({ label: hour.format(Date.parse(bucket.start)), full: full.format(Date.parse(bucket.start)), values: values(bucket) }));
  const number = (value: number): string => value.toLocaleString(locale(), { maximumFractionDigits: 0 });
  const table = { table: words.table, time: words.time };
  const classes = classesOf(buckets);
  const outcomes: Series[] = [
    { key: 'completed', label: words.completed, tone: 'good' },
    { key: 'failed', label: words.failed, tone: 'bad' },
    { key: 'inProgress', label: words.inProgress, tone: 'busy' },
    { key: 'pending', label: words.pending, tone: 'wait' },
  ];
  const answers: Series[] = classes.map((name) => ({ key: name, label: name === NO_ANSWER ? words.noCode : name, tone: CLASS_TONES[name] ?? 'busy' }));
  const times: Series[] = [
    { key: 'p50', label: words.p50, tone: 'one' },
    { key: 'p95', label: words.p95, tone: 'two' },
  ];
  return (
    <div class="charts">
      <div class="card">
        <Chart kind="bars" title={words.outcome} series={outcomes} rows={rows((one) => [one.completed, one.failed, one.inProgress, one.pending])} format={number} texts={{ ...table, empty: words.empty }} />
      </div>
      <div class="card">
        <Chart kind="bars" title={words.codes} series={answers} rows={rows((one) => classes.map((name) => ofClass(one, name)))} format={number} texts={{ ...table, empty: words.emptyLatency }} />
      </div>
      <div class="card">
        <Chart
          kind="lines"
          title={words.latency}
          series={times}
          rows={rows((one) => [one.latencyMs?.p50 ?? null, one.latencyMs?.p95 ?? null])}
          format={number}
          texts={{ ...table, empty: words.emptyLatency }}
        />
      </div>
    </div>
  );
}

