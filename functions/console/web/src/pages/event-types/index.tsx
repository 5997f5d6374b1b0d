// The catalogue. In the portal: what can happen, and which webhooks get it. In the console, outside
// a tenant: the same list, with the entries' form.

import { useState } from 'preact/hooks';

import { api, take } from '../../api/client';
import { can } from '../../api/session';
import { catalogueOf, type EventTypeEntry } from '../../lib/catalogue';
import type { PageProps } from '../../app';
import type { components } from '../../api/schema';
import { wants } from '../../lib/event-filters';
import { place } from '../../lib/place';
import { useResource } from '../../lib/resource';
import { safeBlock, safeLine } from '../../lib/safe-text';
import { useTenant } from '../../lib/tenant';
import { Copy } from '../../parts/copy';
import { Icon } from '../../parts/icon';
import { Menu } from '../../parts/menu';
import { Page } from '../../parts/page';
import { Empty, NothingMatches, Read } from '../../parts/state';
import { base, texts } from '../../texts';
import { EditEventType, RemoveEventType } from './edit';
import { SendTest } from './send-test';
import './event-types.css';

export type Webhook = components['schemas']['Webhook'];

interface Loaded {
  types: EventTypeEntry[];
  webhooks: Webhook[];
}

export default function EventTypesPage(_props: PageProps) {
  const words = texts('eventTypes');
  const { id: tenantId } = useTenant();
  const isOperator = place.kind === 'console' && tenantId === '';
  const loaded = useResource<Loaded>(
    `event types ${tenantId}`,
    async (signal) => {
      const [types, webhooks] = await Promise.all([
        catalogueOf(signal),
        isOperator || !can('webhooks:read') ? [] : take(api.GET('/v1/tenants/{tenantId}/webhooks', { params: { path: { tenantId }, query: { limit: 250 } }, signal })).then((page) => page.items),
      ]);
      return { types, webhooks };
    },
    { refresh: false },
  );
  const [search, setSearch] = useState('');
  const [editing, setEditing] = useState<EventTypeEntry | 'new' | null>(null);
  const [removing, setRemoving] = useState<EventTypeEntry | null>(null);
  const [testing, setTesting] = useState<EventTypeEntry | null>(null);
  const add = isOperator && (
    <button type="button" class="button primary" onClick={() => setEditing('new')}>
      {words.add}
    </button>
  );
  return (
    <Page title={words.title} actions={add}>
      <p class="soft">{isOperator ? words.leadOperator : words.lead}</p>
      <Read from={loaded}>
        {({ types, webhooks }) =>
          types.length === 0 ? (
            <Empty title={words.emptyTitle}>
              <p>{isOperator ? words.emptyOperator : words.emptyText}</p>
            </Empty>
          ) : (
            <>
              <div class="row spread">
                <p>{words.count(types.length)}</p>
                <input type="search" class="types-search" aria-label={words.search} placeholder={words.searchPlaceholder} value={search} onInput={(event) => setSearch(event.currentTarget.value)} />
              </div>
              <Groups types={types} search={search} onClear={() => setSearch('')}>
                {(one) => (
                  <Entry key={one.type} one={one} webhooks={isOperator ? undefined : webhooks} onTest={can('webhooks:write') && !isOperator ? () => setTesting(one) : undefined}>
                    {isOperator && (
                      <Menu
                        label={base().words.actionsFor(safeLine(one.type))}
                        button={<Icon name="more" />}
                        items={[
                          { label: words.editShort, onSelect: () => setEditing(one) },
                          { label: words.remove, danger: true, onSelect: () => setRemoving(one) },
                        ]}
                      />
                    )}
                  </Entry>
                )}
              </Groups>
              {testing !== null && <SendTest entry={testing} webhooks={webhooks} onClose={() => setTesting(null)} />}
            </>
          )
        }
      </Read>
      {editing !== null && <EditEventType entry={editing === 'new' ? undefined : editing} known={loaded.data?.types ?? []} onClose={() => setEditing(null)} onSaved={() => void loaded.reload()} />}
      {removing !== null && <RemoveEventType entry={removing} onClose={() => setRemoving(null)} onRemoved={() => void loaded.reload()} />}
    </Page>
  );
}

function Groups({ types, search, onClear, children }: { types: EventTypeEntry[]; search: string; onClear: () => void; children: (one: EventTypeEntry) => preact.ComponentChildren }) {
  const words = texts('eventTypes');
  const wanted = search.trim().toLowerCase();
  const found = types.filter((one) => [one.type, one.name, one.description, one.group].some((text) => text?.toLowerCase().includes(wanted) === true));
  if (found.length === 0) return <NothingMatches onClear={onClear} />;
  const groups = new Map<string, EventTypeEntry[]>();
  for (const one of found) groups.set(one.group ?? '', [...(groups.get(one.group ?? '') ?? []), one]);
  const named = [...groups].sort(([a], [b]) => (a === '' ? 1 : b === '' ? -1 : a.localeCompare(b)));
  return named.map(([group, entries]) => (
    <section key={group} class="stack-small">
      <h2 class={named.length === 1 && group === '' ? 'visually-hidden' : ''}>{group === '' ? words.otherGroup : safeLine(group)}</h2>
      <ul class="types">{entries.map(children)}</ul>
    </section>
  ));
}

interface EntryProps {
  one: EventTypeEntry;
  /** Undefined: outside a tenant. */
  webhooks?: Webhook[];
  onTest?: () => void;
  children?: preact.ComponentChildren;
}

function Entry({ one, webhooks, onTest, children }: EntryProps) {
  const words = texts('eventTypes');
  const { href } = useTenant();
  const takers = webhooks?.filter((webhook) => wants(webhook.events, one.type));
  const example = one.example === undefined ? undefined : JSON.stringify(one.example, null, 2);
  return (
    <li class="card stack-small" data-id={one.type}>
      <div class="row spread">
        <h3 class="row">
          <code>{safeLine(one.type)}</code>
          {one.name !== undefined && <span>{safeLine(one.name)}</span>}
        </h3>
        <div class="row">
          {onTest !== undefined && (
            <button type="button" class="button" onClick={onTest}>
              {words.sendTest}
            </button>
          )}
          {children}
        </div>
      </div>
      {one.description !== undefined && <p>{safeBlock(one.description)}</p>}
      {takers !== undefined &&
        (takers.length === 0 ? (
          <p class="soft">{words.wantedByNone}</p>
        ) : (
          <p class="row">
            <span class="soft">{words.wantedBy}</span>
            {takers.map((webhook) => (
              <span key={webhook.id}>
                <a href={href(`webhooks/${encodeURIComponent(webhook.id)}`)}>{safeLine(webhook.name ?? webhook.url)}</a>
                {!webhook.active && <span class="soft"> ({words.off})</span>}
              </span>
            ))}
          </p>
        ))}
      {example !== undefined && (
        <details>
          <summary>{words.example}</summary>
          <div class="types-example">
            <pre tabIndex={0} aria-label={words.exampleOf(safeLine(one.type))}>
              {safeBlock(example)}
            </pre>
            <Copy text={example} what={words.exampleOf(safeLine(one.type))} />
          </div>
        </details>
      )}
    </li>
  );
}
