// The filters of a list. Each change is an address of its own, so that Back undoes it and a link can
// be sent.

import { useId, useLayoutEffect, useState } from 'preact/hooks';

import { type ListFilter, localOf, type Range, RANGES } from '../lib/list-filter';
import type { TypeNames, WebhookNames } from '../lib/names';
import { safeLine } from '../lib/safe-text';
import { texts } from '../texts';
import { FieldError } from './field';

/** Around the filters; `clear` is the address without them, if there are any. */
export function FilterForm({ clear, children, actions }: { clear: string | undefined; children: preact.ComponentChildren; actions?: preact.ComponentChildren }) {
  const t = texts('log').filter;
  return (
    <form class="filters" role="search" aria-label={t.label} onSubmit={(event) => event.preventDefault()}>
      {children}
      {(actions !== undefined || clear !== undefined) && (
        <div class="filter-actions">
          {actions}
          {clear !== undefined && (
            <a class="button plain" href={clear}>
              {t.clear}
            </a>
          )}
        </div>
      )}
    </form>
  );
}

interface Choice {
  value: string;
  label: string;
}

export function Select({ label, value, choices, onChange }: { label: string; value: string; choices: Choice[]; onChange: (value: string) => void }) {
  const id = useId();
  return (
    <div class="filter">
      <label for={id}>{label}</label>
      <select id={id} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {choices.map((choice) => (
          <option key={choice.value} value={choice.value}>
            {safeLine(choice.label)}
          </option>
        ))}
      </select>
    </div>
  );
}

/** A text that filters when the person has finished it: at Enter, or when it is left. */
export function TypeFilter({ value, types, error, onChange }: { value: string; types: TypeNames; error?: string; onChange: (value: string) => void }) {
  const id = useId();
  const t = texts('log').filter;
  // What is typed and not finished: the page is drawn again meanwhile, and must not replace it.
  const [draft, setDraft] = useState<string>();
  useLayoutEffect(() => setDraft((typed) => (typed?.trim() === value ? undefined : typed)), [value]);
  return (
    <div class="filter filter-type">
      <label for={id}>{t.type}</label>
      <input
        id={id}
        type="text"
        list={`${id}-types`}
        value={draft ?? value}
        placeholder={t.typeHint}
        maxLength={258}
        autocomplete="off"
        spellcheck={false}
        aria-invalid={error !== undefined || undefined}
        aria-describedby={error === undefined ? undefined : `${id}-error`}
        onInput={(event) => setDraft(event.currentTarget.value)}
        onChange={(event) => {
          const typed = event.currentTarget.value.trim();
          if (typed === value) setDraft(undefined);
          onChange(typed);
        }}
      />
      <datalist id={`${id}-types`}>
        {types.all.map((type) => (
          <option key={type} value={type}>
            {types.of(type)}
          </option>
        ))}
      </datalist>
      <FieldError id={`${id}-error`} error={error} />
    </div>
  );
}

function Moment({ label, value, error, onChange }: { label: string; value: string; error?: string; onChange: (value: string) => void }) {
  const id = useId();
  return (
    <div class="filter">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="datetime-local"
        value={value}
        aria-invalid={error !== undefined || undefined}
        aria-describedby={error === undefined ? undefined : `${id}-error`}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
      <FieldError id={`${id}-error`} error={error} />
    </div>
  );
}

type TimeFilter = Pick<ListFilter, 'range' | 'from' | 'to'>;

export function TimeFilters({ filter, error, onChange }: { filter: TimeFilter; error?: string; onChange: (change: Partial<TimeFilter>) => void }) {
  const t = texts('log').filter;
  const choose = (value: string): void => {
    const range = value as Range;
    // A range of one's own begins with the day, so that there is something to change.
    onChange(range === 'custom' ? { range, from: localOf(new Date(Date.now() - 86_400_000)), to: '' } : { range, from: '', to: '' });
  };
  return (
    <>
      <Select label={t.time} value={filter.range} choices={RANGES.map((range) => ({ value: range, label: t.ranges[range] ?? range }))} onChange={choose} />
      {filter.range === 'custom' && (
        <>
          <Moment label={t.from} value={filter.from} onChange={(from) => onChange({ from })} />
          <Moment label={t.to} value={filter.to} error={error} onChange={(to) => onChange({ to })} />
        </>
      )}
    </>
  );
}

export function WebhookFilter({ value, names, onChange }: { value: string; names: WebhookNames; onChange: (value: string) => void }) {
  const t = texts('log').filter;
  const known = names.all.map(({ id, name }) => ({ value: id, label: name }));
  // The log keeps the deliveries of webhooks that are gone.
  const gone = value !== '' && !names.all.some(({ id }) => id === value) ? [{ value, label: t.removedWebhook(safeLine(value)) }] : [];
  return <Select label={t.webhook} value={value} choices={[{ value: '', label: t.anyWebhook }, ...known, ...gone]} onChange={onChange} />;
}
