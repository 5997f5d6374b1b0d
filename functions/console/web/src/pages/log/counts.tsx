// One sentence, then the four counts. Each is a link to the deliveries that it counts.

import { IN_PROGRESS, type ListFilter, type Times } from '../../lib/list-filter';
import { countsOf, useStats } from '../../lib/stats';
import { useTenant } from '../../lib/tenant';
import { absolute } from '../../lib/time';
import { Icon, type IconName } from '../../parts/icon';
import type { Tone } from '../../parts/status';
import { locale, texts } from '../../texts';

const LOOKS: { name: 'pending' | 'completed' | 'failed' | 'inProgress'; status: string; tone: Tone; icon: IconName }[] = [
  { name: 'pending', status: 'pending', tone: 'wait', icon: 'wait' },
  { name: 'completed', status: 'completed', tone: 'ok', icon: 'ok' },
  { name: 'failed', status: 'failed', tone: 'bad', icon: 'bad' },
  { name: 'inProgress', status: IN_PROGRESS, tone: 'warn', icon: 'retry' },
];

interface CountsProps {
  filter: ListFilter;
  times: Times;
  address: (change: Partial<ListFilter>) => string;
}

export function Counts({ filter, times, address }: CountsProps) {
  const t = texts('log');
  const { id } = useTenant();
  const stats = useStats(id, times.since);
  const counts = stats.data === undefined ? undefined : countsOf(stats.data, filter.webhookId);
  const number = (value: number): string => value.toLocaleString(locale());
  // Without a range the counts are those of a day, so the links say so.
  const range = filter.range === 'all' ? '24h' : filter.range;
  const ended = (counts?.completed ?? 0) + (counts?.failed ?? 0);
  const rate = ((counts?.successRate ?? 1) * 100).toLocaleString(locale(), { maximumFractionDigits: 1 });
  const waiting = (counts?.pending ?? 0) + (counts?.inProgress ?? 0);
  return (
    <section class="stack-small" aria-label={t.counts.label}>
      <p class="log-sentence" role="status">
        {stats.error !== undefined && counts === undefined
          ? t.counts.failedToLoad
          : counts === undefined
            ? '\u00a0'
            : `${t.counts.during[range] ?? ''} ${
                counts.failed > 0
                  ? t.someFailed(number(counts.failed), counts.failed, `${rate} %`)
                  : waiting > 0
                    ? t.someWaiting(number(waiting), waiting)
                    : ended > 0
                      ? t.allWell
                      : t.nothingYet
              }`}
      </p>
      <ul class="counts">
        {LOOKS.map(({ name, status, tone, icon }) => (
          <li key={name}>
            <a
              href={address({ status, range })}
              aria-current={filter.status === status ? 'true' : undefined}
              class={`log-count tone-${tone}`}
              data-hint={t.counts[`${name}Help`]}
            >
              <span class="log-count-name">
                <Icon name={icon} />
                {t.counts[name]}
              </span>
              <span class="log-count-number">
                {counts === undefined ? '\u00a0' : stats.data?.complete === false ? t.counts.atLeast(number(counts[name])) : number(counts[name])}
              </span>
            </a>
          </li>
        ))}
      </ul>
      {stats.data?.complete === false && <p class="soft small">{t.counts.incomplete(absolute(Date.parse(stats.data.since), locale()))}</p>}
    </section>
  );
}
