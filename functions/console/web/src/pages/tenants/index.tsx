import { useLocation } from 'preact-iso';
import { useState } from 'preact/hooks';

import { api, take } from '../../api/client';
import type { components } from '../../api/schema';
import type { PageProps } from '../../app';
import { place, tenantHref } from '../../lib/place';
import { usePages } from '../../lib/resource';
import { safeLine } from '../../lib/safe-text';
import { Icon } from '../../parts/icon';
import { Menu } from '../../parts/menu';
import { Page } from '../../parts/page';
import { Empty, NothingMatches, Read } from '../../parts/state';
import { More, Table } from '../../parts/table';
import { Time } from '../../parts/time';
import { base, texts } from '../../texts';
import { DeleteTenant } from './delete';
import { EditTenant } from './edit';
import { PortalLink } from './portal-link';
import './tenants.css';

export type Tenant = components['schemas']['Tenant'];

type Doing = { what: 'add' } | { what: 'edit' | 'delete'; tenant: Tenant } | { what: 'link'; tenant: Pick<Tenant, 'id' | 'name'> };

export default function TenantsPage({ query }: PageProps) {
  const words = texts('operator').tenants;
  const { route } = useLocation();
  const tenants = usePages<Tenant>(
    'tenants',
    (one) => one.id,
    (cursor, signal) => take(api.GET('/v1/tenants', { params: { query: { cursor, limit: 250 } }, signal })),
  );
  const [search, setSearch] = useState('');
  const [doing, setDoing] = useState<Doing | null>(query['link'] === undefined ? null : { what: 'link', tenant: { id: query['link'] } });
  const close = (): void => setDoing(null);
  const wanted = search.trim();
  const matches = (one: Tenant): boolean => [one.id, one.name, one.contract].some((text) => text?.toLowerCase().includes(wanted.toLowerCase()) === true);
  const openAs = (id: string): string => tenantHref(place, id, 'webhooks');
  return (
    <Page
      title={words.title}
      actions={
        <button type="button" class="button primary" onClick={() => setDoing({ what: 'add' })}>
          {words.add}
        </button>
      }
    >
      <Read from={tenants}>
        {(items) => {
          if (items.length === 0) {
            return (
              <Empty title={words.emptyTitle}>
                <p>{words.emptyText}</p>
              </Empty>
            );
          }
          const found = items.filter(matches);
          const unknown = wanted !== '' && !items.some((one) => one.id === wanted) && tenants.more;
          return (
            <>
              <form
                class="row spread"
                role="search"
                onSubmit={(event) => {
                  event.preventDefault();
                  const [only] = found;
                  if (wanted !== '' && (found.length === 1 || unknown)) route(openAs(found.length === 1 && only !== undefined ? only.id : wanted));
                }}
              >
                <p>{words.count(items.length, tenants.more)}</p>
                <input type="search" class="tenants-search" aria-label={words.search} placeholder={words.searchPlaceholder} value={search} onInput={(event) => setSearch(event.currentTarget.value)} />
              </form>
              {unknown && (
                <p class="row">
                  <span class="soft">{words.searchMore}</span>
                  <a href={openAs(wanted)}>{words.open(safeLine(wanted))}</a>
                </p>
              )}
              {found.length === 0 ? <NothingMatches onClear={() => setSearch('')} /> : <List tenants={found} onDo={setDoing} />}
              <More list={tenants} />
            </>
          );
        }}
      </Read>
      {(doing?.what === 'add' || doing?.what === 'edit') && (
        <EditTenant
          tenant={doing.what === 'edit' ? doing.tenant : undefined}
          onClose={close}
          onSaved={(saved) => tenants.update((items) => (items.some((one) => one.id === saved.id) ? items.map((one) => (one.id === saved.id ? saved : one)) : [saved, ...items]))}
        />
      )}
      {doing?.what === 'link' && <PortalLink tenant={doing.tenant} onClose={close} />}
      {doing?.what === 'delete' && <DeleteTenant tenant={doing.tenant} onClose={close} onDeleted={() => tenants.update((items) => items.filter((one) => one.id !== doing.tenant.id))} />}
    </Page>
  );
}

function List({ tenants, onDo }: { tenants: Tenant[]; onDo: (doing: Doing) => void }) {
  const words = texts('operator').tenants;
  const { columns } = words;
  return (
    <Table
      caption={words.title}
      rows={tenants}
      idOf={(one) => one.id}
      columns={[
        { id: 'name', head: columns.name, kind: 'name', cell: (one) => <a href={tenantHref(place, one.id, 'webhooks')}>{safeLine(one.name ?? one.id)}</a> },
        { id: 'id', head: columns.id, cell: (one) => <code>{safeLine(one.id)}</code> },
        { id: 'contract', head: columns.contract, cell: (one) => <a href={`${place.root}contracts/${encodeURIComponent(one.contract)}`}>{safeLine(one.contract)}</a> },
        { id: 'contact', head: columns.contact, cell: (one) => safeLine(one.contactEmail ?? '–') },
        { id: 'created', head: columns.created, cell: (one) => <Time at={one.createdAt} /> },
        {
          id: 'actions',
          head: base().words.actions,
          kind: 'actions',
          cell: (one) => (
            <Menu
              label={base().words.actionsFor(safeLine(one.name ?? one.id))}
              button={<Icon name="more" />}
              items={[
                { label: words.edit, onSelect: () => onDo({ what: 'edit', tenant: one }) },
                { label: words.portal, onSelect: () => onDo({ what: 'link', tenant: one }) },
                { label: words.remove, danger: true, onSelect: () => onDo({ what: 'delete', tenant: one }) },
              ]}
            />
          ),
        },
      ]}
    />
  );
}
