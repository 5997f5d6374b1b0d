// The filters of the log.

import { useState } from 'preact/hooks';

import { IN_PROGRESS, STATUSES } from '../../lib/list-filter';
import type { ListFilters } from '../../lib/use-list-filter';
import type { TypeNames, WebhookNames } from '../../lib/names';
import { safeLine } from '../../lib/safe-text';
import { vendorLog } from '../../lib/vendor-log';
import { FilterForm, Select, TimeFilters, TypeFilter, WebhookFilter } from '../../parts/filters';
import { Icon } from '../../parts/icon';
import { base, texts } from '../../texts';

const CODES = ['2xx', '3xx', '4xx', '5xx'];
const TRIGGERS = ['automatic', 'manual', 'test'];

interface FiltersProps {
  filters: ListFilters;
  names: WebhookNames;
  types: TypeNames;
  contract: string | undefined;
  /** The page is one webhook's. */
  fixedWebhook: boolean;
}

export function Filters({ filters, names, types, contract, fixedWebhook }: FiltersProps) {
  const { filter, mistake, change: onChange, clear } = filters;
  const t = texts('log').filter;
  const words = { ...base().status, ...vendorLog(contract).status };
  const statuses = STATUSES.map((status) => ({ value: status as string, label: words[status] }));
  if (!statuses.some(({ value }) => value === filter.status) && filter.status !== '') {
    const label =
      filter.status === IN_PROGRESS
        ? t.inProgress
        : filter.status
            .split(',')
            .map((status) => words[status as (typeof STATUSES)[number]])
            .join(', ');
    statuses.push({ value: filter.status, label });
  }
  const [more, setMore] = useState(filter.responseCode !== '' || filter.trigger !== '');
  const codes = CODES.includes(filter.responseCode) || filter.responseCode === '' ? CODES : [...CODES, filter.responseCode];
  return (
    <FilterForm
      clear={clear}
      actions={
        <>
          {!more && (
            <button type="button" class="button plain" aria-expanded={false} onClick={() => setMore(true)}>
              {t.more}
            </button>
          )}
          {filter.eventId !== '' && (
            <button type="button" class="button" aria-label={`${t.ofEvent(safeLine(filter.eventId))}: ${t.remove}`} onClick={() => onChange({ eventId: '' })}>
              {t.ofEvent(safeLine(filter.eventId))}
              <Icon name="close" />
            </button>
          )}
        </>
      }
    >
      <Select label={t.status} value={filter.status} choices={[{ value: '', label: t.all }, ...statuses]} onChange={(status) => onChange({ status })} />
      {!fixedWebhook && <WebhookFilter value={filter.webhookId} names={names} onChange={(webhookId) => onChange({ webhookId })} />}
      <TypeFilter value={filter.type} types={types} error={mistake === 'type' ? t.badType : undefined} onChange={(type) => onChange({ type })} />
      <TimeFilters filter={filter} error={mistake === 'times' ? t.badTimes : undefined} onChange={onChange} />
      {more && (
        <>
          <Select
            label={t.code}
            value={filter.responseCode}
            choices={[{ value: '', label: t.anyCode }, ...codes.map((code) => ({ value: code, label: code }))]}
            onChange={(responseCode) => onChange({ responseCode })}
          />
          <Select
            label={t.trigger}
            value={filter.trigger}
            choices={[
              { value: '', label: t.anyTrigger },
              ...TRIGGERS.map((trigger) => ({ value: trigger, label: texts('log').triggerFilter[trigger] ?? trigger })),
            ]}
            onChange={(trigger) => onChange({ trigger })}
          />
        </>
      )}
    </FilterForm>
  );
}
