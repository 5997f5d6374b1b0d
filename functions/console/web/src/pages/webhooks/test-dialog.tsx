// A test event to one webhook, of a type that the person chooses.

import { useMemo, useState } from 'preact/hooks';

import { catalogueOf } from '../../lib/catalogue';
import { type CatalogueType, ownFirst } from '../../lib/event-filters';
import { useResource } from '../../lib/resource';
import { safeLine } from '../../lib/safe-text';
import { recall, remember } from '../../lib/store';
import { Field } from '../../parts/field';
import { PLAIN, TestEvent } from '../../parts/test-event';
import { texts } from '../../texts';
import { nameOf, vendorWays, vendorWords, type Webhook } from './data';

const SEARCH_FROM = 13;

export function TestDialog({ webhook, onClose }: { webhook: Webhook; onClose: () => void }) {
  const words = texts('webhook').test;
  const stored = `postel.test.${webhook.id}`;
  const read = useResource('catalogue', catalogueOf, { refresh: false });
  const catalogue = read.data ?? [];
  const { own, others } = useMemo(() => ownFirst(catalogue, webhook.events), [read.data, webhook.events]);
  const [chosen, setChosen] = useState<string | undefined>(recall('sessionStorage', stored) ?? undefined);
  const [search, setSearch] = useState('');
  const atOnce = vendorWays(webhook.contract).testsAtOnce === true;
  const type = chosen ?? (atOnce ? undefined : own[0]?.type) ?? PLAIN;

  const fits = (entry: CatalogueType): boolean => `${entry.type} ${entry.name ?? ''}`.toLowerCase().includes(search.trim().toLowerCase()) || entry.type === type;
  const options = (list: CatalogueType[]) =>
    list.filter(fits).map((entry) => (
      <option key={entry.type} value={entry.type}>
        {safeLine(entry.name === undefined ? entry.type : `${entry.type} (${entry.name})`)}
      </option>
    ));
  const isKnown = type === PLAIN || catalogue.some((entry) => entry.type === type) || own.some((entry) => entry.type === type);
  return (
    <TestEvent
      title={words.title(nameOf(webhook))}
      sendLabel={vendorWords(webhook.contract).send}
      webhook={webhook}
      type={type}
      atOnce={atOnce}
      entry={catalogue.find((entry) => entry.type === type)}
      onSend={() => remember('sessionStorage', stored, type)}
      onClose={onClose}
    >
      {catalogue.length >= SEARCH_FROM && <input type="search" aria-label={words.search} placeholder={words.search} autocomplete="off" value={search} onInput={(event) => setSearch(event.currentTarget.value)} />}
      <Field label={words.type} name="type" required>
        {(attributes) => (
          <select {...attributes} value={type} data-autofocus onChange={(event) => setChosen(event.currentTarget.value)}>
            {own.length > 0 && <optgroup label={words.own}>{options(own)}</optgroup>}
            <optgroup label={words.others}>
              <option value={PLAIN}>{words.plain}</option>
              {!isKnown && <option value={type}>{safeLine(type)}</option>}
              {options(others.filter((entry) => entry.type !== PLAIN))}
            </optgroup>
          </select>
        )}
      </Field>
    </TestEvent>
  );
}
