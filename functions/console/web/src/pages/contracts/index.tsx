// The contracts: a list, and one of them as a table or as JSON, with a preview of a delivery.

import { useState } from 'preact/hooks';

import { api, take } from '../../api/client';
import type { PageProps } from '../../app';
import { place } from '../../lib/place';
import { usePages } from '../../lib/resource';
import { safeLine } from '../../lib/safe-text';
import { Page } from '../../parts/page';
import { Read } from '../../parts/state';
import { More, Table } from '../../parts/table';
import { texts } from '../../texts';
import { ContractPage } from './contract';
import type { Contract } from './definition';
import { EditContract } from './edit';

const NEW = {
  description: '',
  envelope: { type: '{type}', timestamp: '{timestamp}', data: '{data}' },
  signature: { header: 'X-Signature', prefix: 'sha256=', encoding: 'hex', signedText: '{timestamp}.{body}', secret: 'literal' },
  timeoutSeconds: 10,
  success: ['2xx'],
  retryAfter: ['429', '503'],
  retryDelaysSeconds: [60, 300, 1800],
  jitter: 0.1,
  atEnd: 'fail',
};

export default function ContractsPage({ params }: PageProps) {
  const name = params['name'];
  return name === undefined ? <List /> : <ContractPage key={name} name={name} />;
}

function List() {
  const words = texts('operator').contracts;
  const contracts = usePages<Contract>(
    'contracts',
    (one) => one.name,
    (cursor, signal) => take(api.GET('/v1/contracts', { params: { query: { cursor, limit: 250 } }, signal })),
  );
  const [adding, setAdding] = useState(false);
  return (
    <Page
      title={words.title}
      actions={
        <button type="button" class="button primary" onClick={() => setAdding(true)}>
          {words.add}
        </button>
      }
    >
      <p class="soft">{words.lead}</p>
      <Read from={contracts} rows={5}>
        {(items) => (
          <>
            <Table
              caption={words.title}
              rows={items}
              idOf={(one) => one.name}
              columns={[
                { id: 'name', head: words.columns.name, kind: 'name', cell: (one) => <a href={`${place.root}contracts/${encodeURIComponent(one.name)}`}>{safeLine(one.name)}</a> },
                { id: 'kind', head: words.columns.kind, cell: (one) => (one.builtin ? words.builtin : words.own) },
                { id: 'description', head: words.columns.description, cell: (one) => safeLine(one.description ?? '–') },
                { id: 'signature', head: words.columns.signature, cell: (one) => (one.signature === undefined ? words.unsigned : <code>{safeLine(one.signature.header)}</code>) },
                { id: 'attempts', head: words.columns.attempts, number: true, cell: (one) => one.retryDelaysSeconds.length + 1 },
              ]}
            />
            <More list={contracts} />
          </>
        )}
      </Read>
      {adding && <EditContract definition={NEW} onClose={() => setAdding(false)} onSaved={(saved) => contracts.update((items) => [...items.filter((one) => one.name !== saved.name), saved])} />}
    </Page>
  );
}
