// A test event of one type, to a webhook that the person chooses.

import { useState } from 'preact/hooks';

import type { EventTypeEntry } from '../../lib/catalogue';
import { wants } from '../../lib/event-filters';
import { safeLine } from '../../lib/safe-text';
import { Field } from '../../parts/field';
import { TestEvent } from '../../parts/test-event';
import { texts } from '../../texts';
import type { Webhook } from '.';

interface Props {
  entry: EventTypeEntry;
  webhooks: Webhook[];
  onClose: () => void;
}

export function SendTest({ entry, webhooks, onClose }: Props) {
  const words = texts('eventTypes').test;
  const takers = webhooks.filter((one) => wants(one.events, entry.type));
  const others = webhooks.filter((one) => !takers.includes(one));
  const [to, setTo] = useState((takers.find((one) => one.active) ?? webhooks[0])?.id ?? '');
  const options = (list: Webhook[]) =>
    list.map((one) => (
      <option key={one.id} value={one.id}>
        {safeLine(one.name ?? one.url)}
      </option>
    ));
  return (
    <TestEvent title={words.title(safeLine(entry.type))} sendLabel={texts('eventTypes').sendTest} webhook={webhooks.find((one) => one.id === to)} type={entry.type} entry={entry} onClose={onClose}>
      {webhooks.length === 0 ? (
        <p>{words.none}</p>
      ) : (
        <Field name="webhook" label={words.webhook} shown>
          {(attributes) => (
            <select {...attributes} data-autofocus value={to} onChange={(event) => setTo(event.currentTarget.value)}>
              {takers.length > 0 && others.length > 0 ? (
                <>
                  <optgroup label={words.wanting}>{options(takers)}</optgroup>
                  <optgroup label={words.others}>{options(others)}</optgroup>
                </>
              ) : (
                options(webhooks)
              )}
            </select>
          )}
        </Field>
      )}
    </TestEvent>
  );
}
