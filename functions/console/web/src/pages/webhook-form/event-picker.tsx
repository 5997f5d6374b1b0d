// Events by component, with a switch each that shows all, some or none; search; all events.

import { useId, useRef, useState } from 'preact/hooks';

import { ALL, type CatalogueType, type Component, componentsOf, otherFilters, shareOf, switchComponent, switchType, wants } from '../../lib/event-filters';
import { safeLine } from '../../lib/safe-text';
import { Check } from '../../parts/check';
import { Field, FieldError } from '../../parts/field';
import { Icon } from '../../parts/icon';
import { texts } from '../../texts';

const SEARCH_FROM = 8;
const FILTER = /^(\*|[A-Za-z0-9_.-]{1,256}(\.\*)?)$/;

interface Props {
  label: string;
  /** A type's description, as the vendor's documents introduce it. */
  describe: (text: string) => string;
  catalogue: CatalogueType[];
  failed: boolean;
  filters: string[];
  onChange: (filters: string[]) => void;
  error?: string;
}

export function EventPicker({ label, describe, catalogue, failed, filters, onChange, error }: Props) {
  const words = texts('webhookForm');
  const id = useId();
  const [search, setSearch] = useState('');
  const all = componentsOf(catalogue);
  const text = search.trim().toLowerCase();
  const fits = (entry: CatalogueType, component: Component): boolean => `${component.title} ${entry.type} ${entry.name ?? ''} ${entry.description ?? ''}`.toLowerCase().includes(text);
  const shown = all.map((component) => ({ component, types: component.types.filter((entry) => fits(entry, component)) })).filter(({ types }) => types.length > 0);
  const everything = filters.includes(ALL);
  const count = catalogue.filter((entry) => wants(filters, entry.type)).length + otherFilters(filters, all).filter((filter) => !filter.endsWith('*')).length;
  return (
    <fieldset class="section" data-field="events" aria-describedby={`${id}-help${error === undefined ? '' : ` ${id}-error`}`}>
      <legend>
        {label}
        <span aria-hidden="true" class="soft">
          {' *'}
        </span>
      </legend>
      <span class="help" id={`${id}-help`}>
        {words.eventsHelp}
      </span>
      <FieldError id={`${id}-error`} error={error} />
      <div class="row spread">
        <Check as="switch" label={words.allEvents} help={words.allEventsHelp} checked={everything} onChange={(on) => onChange(on ? [ALL] : [])} />
        {!everything && (
          <span class="soft small" role="status">
            {words.chosen(count)}
          </span>
        )}
      </div>
      {!everything && (
        <>
          {catalogue.length === 0 && <p class="soft">{failed ? words.catalogueFailed : words.noCatalogue}</p>}
          {catalogue.length >= SEARCH_FROM && <input type="search" aria-label={words.eventsSearch} placeholder={words.eventsSearch} autocomplete="off" value={search} onInput={(event) => setSearch(event.currentTarget.value)} />}
          {text !== '' && shown.length === 0 && <p role="status">{words.nothingFound(safeLine(search.trim()))}</p>}
          {shown.map(({ component, types }) => (
            <ComponentBox key={component.title} component={component} types={types} filters={filters} all={all} describe={describe} onChange={onChange} />
          ))}
          <Others filters={filters} all={all} onChange={onChange} />
        </>
      )}
    </fieldset>
  );
}

interface BoxProps {
  component: Component;
  types: CatalogueType[];
  filters: string[];
  all: Component[];
  describe: (text: string) => string;
  onChange: (filters: string[]) => void;
}

function ComponentBox({ component, types, filters, all, describe, onChange }: BoxProps) {
  const words = texts('webhookForm');
  const share = shareOf(component, filters);
  return (
    <fieldset class="component">
      <legend>
        <Check
          as="switch"
          label={safeLine(component.title)}
          name={words.wholeComponent(safeLine(component.title))}
          checked={share === 'all'}
          mixed={share === 'some'}
          onChange={() => onChange(switchComponent(component, share !== 'all', filters, all))}
        />
      </legend>
      <div class="component-types">
        {types.map((entry) => (
          <Check
            key={entry.type}
            label={
              <>
                {safeLine(entry.name ?? entry.type)}
                {entry.name !== undefined && <code class="soft"> {safeLine(entry.type)}</code>}
              </>
            }
            help={entry.description === undefined ? undefined : describe(safeLine(entry.description))}
            checked={wants(filters, entry.type)}
            onChange={(on) => onChange(switchType(entry.type, component, on, filters, all))}
          />
        ))}
      </div>
    </fieldset>
  );
}

/** Types and components that the catalogue does not show. */
function Others({ filters, all, onChange }: { filters: string[]; all: Component[]; onChange: (filters: string[]) => void }) {
  const words = texts('webhookForm');
  const input = useRef<HTMLInputElement>(null);
  const [error, setError] = useState<string | undefined>();
  const others = otherFilters(filters, all);
  const add = (): void => {
    const text = input.current?.value.trim() ?? '';
    if (!FILTER.test(text)) {
      setError(words.otherWrong);
      input.current?.focus();
      return;
    }
    setError(undefined);
    if (input.current !== null) input.current.value = '';
    if (!filters.includes(text)) onChange([...filters, text]);
  };
  return (
    <details open={others.length > 0 || all.length === 0}>
      <summary>{words.other}</summary>
      <div class="stack-small">
        {others.length > 0 && (
          <ul class="chips">
            {others.map((filter) => (
              <li class="chip" key={filter}>
                <code>{safeLine(filter)}</code>
                <button type="button" class="icon-button" aria-label={words.otherRemove(safeLine(filter))} onClick={() => onChange(filters.filter((one) => one !== filter))}>
                  <Icon name="close" />
                </button>
              </li>
            ))}
          </ul>
        )}
        <Field label={words.otherLabel} name="other-event" help={words.otherHelp} error={error}>
          {(attributes) => (
            <span class="row nowrap">
              <input
                {...attributes}
                ref={input}
                type="text"
                autocomplete="off"
                spellcheck={false}
                maxLength={258}
                onKeyDown={(event) => {
                  if (event.key !== 'Enter') return;
                  event.preventDefault();
                  add();
                }}
              />
              <button type="button" class="button" onClick={add}>
                {words.otherAdd}
              </button>
            </span>
          )}
        </Field>
      </div>
    </details>
  );
}
