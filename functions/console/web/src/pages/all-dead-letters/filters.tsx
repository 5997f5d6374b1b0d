import { useState } from 'preact/hooks';

import { NOBODYS_REASONS } from '../../lib/dead-letters';
import { safeLine } from '../../lib/safe-text';
import { short } from '../../lib/explanations';
import { Field } from '../../parts/field';
import { base, texts } from '../../texts';
import './all-dead-letters.css';

/** In the order in which they stand in the API's document. */
const REASONS = [
  'malformed_json',
  'invalid_event',
  'payload_too_large',
  'unknown_tenant',
  'sender_not_allowed',
  'id_conflict',
  'refused',
  'exhausted',
  'gone',
  'address_blocked',
  'invalid_url',
  'webhook_inactive',
  'undeliverable',
  'event_erased',
];
const NOBODYS = NOBODYS_REASONS.join(',');
const DAY = 86_400_000;

interface Filter {
  tenantId?: string;
  reason?: string;
  since?: string;
}

export function Filters({ filter, onChange }: { filter: Filter; onChange: (filter: Record<string, string | undefined>) => void }) {
  const words = texts('operator').deadLetters.filters;
  const failures = texts('failures');
  const [tenantId, setTenantId] = useState(filter.tenantId ?? '');
  const [given, setGiven] = useState(filter.tenantId);
  // Another address, by a link or by going back.
  if (given !== filter.tenantId) {
    setGiven(filter.tenantId);
    setTenantId(filter.tenantId ?? '');
  }
  const age = filter.since === undefined ? '' : Date.now() - Date.parse(filter.since) < 2 * DAY ? '1' : '7';
  const sinceOf = (days: string): string | undefined => (days === '' ? undefined : new Date(Date.now() - Number(days) * DAY).toISOString());
  return (
    <form
      class="filters"
      onSubmit={(event) => {
        event.preventDefault();
        onChange({ ...filter, tenantId: tenantId.trim() });
      }}
    >
      <Field name="reason" label={words.reason} shown>
        {(attributes) => (
          <select {...attributes} value={filter.reason ?? ''} onChange={(event) => onChange({ ...filter, reason: event.currentTarget.value })}>
            <option value="">{words.any}</option>
            <option value={NOBODYS}>{words.nobodys}</option>
            {[...new Set([...REASONS, ...(filter.reason === undefined || filter.reason === NOBODYS ? [] : [filter.reason])])].map((one) => (
              <option key={one} value={one}>
                {safeLine(short(failures, one))}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Field name="since" label={words.since} shown>
        {(attributes) => (
          <select {...attributes} value={age} onChange={(event) => onChange({ ...filter, since: sinceOf(event.currentTarget.value) })}>
            <option value="">{words.always}</option>
            <option value="1">{words.day}</option>
            <option value="7">{words.week}</option>
          </select>
        )}
      </Field>
      <Field name="tenantId" label={words.tenant} shown>
        {(attributes) => <input {...attributes} class="mono" placeholder={words.tenantHelp} value={tenantId} onInput={(event) => setTenantId(event.currentTarget.value)} />}
      </Field>
      <div class="row">
        <button type="submit" class="button">
          {words.apply}
        </button>
        {Object.values(filter).some((one) => one !== undefined && one !== '') && (
          <button type="button" class="button plain" onClick={() => onChange({})}>
            {base().states.clearFilters}
          </button>
        )}
      </div>
    </form>
  );
}
