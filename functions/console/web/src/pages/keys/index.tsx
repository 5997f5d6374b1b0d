import { useState } from 'preact/hooks';

import { api, take } from '../../api/client';
import type { components } from '../../api/schema';
import { can, me } from '../../api/session';
import type { PageProps } from '../../app';
import { now } from '../../lib/refresh';
import { usePages } from '../../lib/resource';
import { safeLine } from '../../lib/safe-text';
import { useTenant } from '../../lib/tenant';
import { Id } from '../../parts/copy';
import { Confirm } from '../../parts/dialog';
import { Icon } from '../../parts/icon';
import { Menu } from '../../parts/menu';
import { Page } from '../../parts/page';
import { Empty, Read } from '../../parts/state';
import { More, Table } from '../../parts/table';
import { Time } from '../../parts/time';
import { say } from '../../parts/toast';
import { base, texts } from '../../texts';
import { CreateKey } from './create';

export type Key = components['schemas']['Key'];

export default function KeysPage(_props: PageProps) {
  const words = texts('keys');
  const { id: tenantId } = useTenant();
  const keys = usePages<Key>(
    `keys ${tenantId}`,
    (one) => one.id,
    (cursor, signal) => take(api.GET('/v1/tenants/{tenantId}/keys', { params: { path: { tenantId }, query: { cursor } }, signal })),
  );
  const [creating, setCreating] = useState(false);
  const [removing, setRemoving] = useState<Key | null>(null);
  const mayWrite = can('keys');
  const create = mayWrite && (
    <button type="button" class="button primary" onClick={() => setCreating(true)}>
      {words.create}
    </button>
  );
  const mine = me.value?.kind === 'key' ? me.value.id : undefined;
  return (
    <Page title={words.title} actions={create}>
      <p class="soft">{words.lead}</p>
      <Read from={keys}>
        {(items) =>
          items.length === 0 ? (
            <Empty title={words.emptyTitle}>
              <p>{words.emptyText}</p>
            </Empty>
          ) : (
            <>
              <p>{words.count(items.length)}</p>
              <Table
                caption={words.title}
                rows={items}
                idOf={(one) => one.id}
                columns={[
                  {
                    id: 'name',
                    head: words.columns.name,
                    kind: 'name',
                    cell: (one) => (
                      <>
                        <div>{one.name === undefined ? <span class="soft">{words.unnamed}</span> : safeLine(one.name)}</div>
                        <Id id={one.id} what={one.id} />
                      </>
                    ),
                  },
                  { id: 'scopes', head: words.columns.scopes, cell: (one) => one.scopes.map((scope) => words.scopes[scope] ?? safeLine(scope)).join(', ') },
                  { id: 'created', head: words.columns.created, cell: (one) => <Time at={one.createdAt} /> },
                  { id: 'used', head: words.columns.lastUsed, cell: (one) => <Time at={one.lastUsedAt} none={words.neverUsed} /> },
                  {
                    id: 'expires',
                    head: words.columns.expires,
                    cell: (one) => (one.expiresAt !== undefined && Date.parse(one.expiresAt) < now.value ? words.expired : <Time at={one.expiresAt} none={words.neverExpires} />),
                  },
                  ...(mayWrite
                    ? [
                        {
                          id: 'actions',
                          head: base().words.actions,
                          kind: 'actions' as const,
                          cell: (one: Key) =>
                            one.id === mine ? null : (
                              <Menu
                                label={base().words.actionsFor(safeLine(one.name ?? one.id))}
                                button={<Icon name="more" />}
                                items={[{ label: words.remove, danger: true, onSelect: () => setRemoving(one) }]}
                              />
                            ),
                        },
                      ]
                    : []),
                ]}
              />
              <More list={keys} />
            </>
          )
        }
      </Read>
      {creating && (
        <CreateKey
          tenantId={tenantId}
          onClose={() => setCreating(false)}
          onCreated={(one) => keys.update((items) => [one, ...items.filter((other) => other.id !== one.id)])}
        />
      )}
      {removing !== null && (
        <RemoveKey
          tenantId={tenantId}
          one={removing}
          onClose={() => setRemoving(null)}
          onRemoved={() => {
            keys.update((items) => items.filter((one) => one.id !== removing.id));
            setRemoving(null);
          }}
        />
      )}
    </Page>
  );
}

function RemoveKey({ tenantId, one, onClose, onRemoved }: { tenantId: string; one: Key; onClose: () => void; onRemoved: () => void }) {
  const words = texts('keys');
  const remove = async (): Promise<void> => {
    await take(api.DELETE('/v1/tenants/{tenantId}/keys/{keyId}', { params: { path: { tenantId, keyId: one.id } } }));
    say(words.removed);
    onRemoved();
  };
  return (
    <Confirm title={words.removeTitle(safeLine(one.name ?? one.id))} action={words.remove} onConfirm={remove} onClose={onClose}>
      <p>{words.removeText}</p>
    </Confirm>
  );
}
