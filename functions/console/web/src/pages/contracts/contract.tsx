import { useLocation } from 'preact-iso';
import { useState } from 'preact/hooks';

import { api, take, takeWithTag } from '../../api/client';
import { everyPage } from '../../lib/every-page';
import { place, tenantHref } from '../../lib/place';
import { useResource } from '../../lib/resource';
import { safeBlock, safeLine } from '../../lib/safe-text';
import { span } from '../../lib/time';
import { Copy } from '../../parts/copy';
import { Confirm } from '../../parts/dialog';
import { Page } from '../../parts/page';
import { Read } from '../../parts/state';
import { Notice } from '../../parts/status';
import { say } from '../../parts/toast';
import { base, locale, texts } from '../../texts';
import { type Contract, definitionOf } from './definition';
import { EditContract } from './edit';
import { PreviewForm } from './preview';
import './contracts.css';

interface Used {
  tenants: string[];
  more: boolean;
}

const MAX_PAGES = 4;

/** The tenants whose new webhooks have it; webhooks that chose it themselves cannot be found so. */
async function usedBy(name: string, signal: AbortSignal): Promise<Used> {
  const { items, more } = await everyPage((cursor) => take(api.GET('/v1/tenants', { params: { query: { cursor, limit: 250 } }, signal })), MAX_PAGES);
  return { tenants: items.filter((one) => one.contract === name).map((one) => one.id), more };
}

export function ContractPage({ name }: { name: string }) {
  const words = texts('operator').contracts;
  const { route } = useLocation();
  const read = useResource(`contract page ${name}`, (signal) => takeWithTag(api.GET('/v1/contracts/{contractName}', { params: { path: { contractName: name } }, signal })), { refresh: false });
  const used = useResource(`contract used ${name}`, (signal) => usedBy(name, signal), { refresh: false });
  const [asJson, setAsJson] = useState(false);
  const [doing, setDoing] = useState<'edit' | 'copy' | 'remove' | null>(null);
  const contract = read.data?.data;
  const close = (): void => setDoing(null);
  return (
    <Page
      title={name}
      back={{ href: `${place.root}contracts`, label: words.back }}
      status={contract !== undefined && <span class="soft">{contract.builtin ? words.builtin : words.own}</span>}
      actions={
        contract !== undefined && (
          <>
            {!contract.builtin && (
              <button type="button" class="button" onClick={() => setDoing('edit')}>
                {words.edit}
              </button>
            )}
            <button type="button" class="button" onClick={() => setDoing('copy')}>
              {words.copyOf}
            </button>
            {!contract.builtin && (
              <button type="button" class="button" onClick={() => setDoing('remove')}>
                {words.remove}
              </button>
            )}
          </>
        )
      }
    >
      <Read from={read} rows={8} back={<a href={`${place.root}contracts`}>{words.back}</a>}>
        {({ data }) => (
          <>
            {data.description !== undefined && <p>{safeLine(data.description)}</p>}
            <section class="card stack">
              <div class="row" role="group">
                <button type="button" class="button" aria-pressed={!asJson} onClick={() => setAsJson(false)}>
                  {words.table}
                </button>
                <button type="button" class="button" aria-pressed={asJson} onClick={() => setAsJson(true)}>
                  {words.json}
                </button>
                {asJson && <Copy text={JSON.stringify(definitionOf(data), null, 2)} what={words.definition} />}
              </div>
              {asJson ? (
                <pre tabIndex={0} aria-label={words.definition}>
                  {safeBlock(JSON.stringify(definitionOf(data), null, 2))}
                </pre>
              ) : (
                <Facts contract={data} />
              )}
            </section>
            <PreviewForm contract={data} />
            <section class="card stack-small">
              <h2>{words.usedBy}</h2>
              <Read from={used} rows={1}>
                {(found) => <UsedBy used={found} />}
              </Read>
            </section>
          </>
        )}
      </Read>
      {contract !== undefined && (doing === 'edit' || doing === 'copy') && (
        <EditContract
          name={doing === 'edit' ? name : undefined}
          etag={doing === 'edit' ? read.data?.etag : undefined}
          definition={definitionOf(contract)}
          onClose={close}
          onSaved={(saved) => (saved.name === name ? void read.reload() : route(`${place.root}contracts/${encodeURIComponent(saved.name)}`))}
        />
      )}
      {doing === 'remove' && <RemoveContract name={name} used={used.data} onClose={close} onRemoved={() => route(`${place.root}contracts`)} />}
    </Page>
  );
}

function UsedBy({ used }: { used: Used }) {
  const words = texts('operator').contracts;
  return (
    <>
      {used.tenants.length === 0 ? (
        <p class="soft">{words.usedByNone}</p>
      ) : (
        <p class="row">
          {used.tenants.slice(0, 50).map((id) => (
            <a key={id} href={tenantHref(place, id, 'webhooks')}>
              {safeLine(id)}
            </a>
          ))}
          {used.tenants.length > 50 && '…'}
        </p>
      )}
      {used.more && <p class="soft">{words.usedByMore}</p>}
    </>
  );
}

function Facts({ contract }: { contract: Contract }) {
  const { view } = texts('operator').contracts;
  const { signature, mails, headers = {}, jitter = 0 } = contract;
  const list = (values: readonly string[] | undefined): string => (values === undefined || values.length === 0 ? view.nothing : values.map(safeLine).join(', '));
  const code = (value: unknown) => <pre class="contract-json">{safeBlock(JSON.stringify(value, null, 2))}</pre>;
  const delays = contract.retryDelaysSeconds.map((seconds) => span(seconds, base().time)).join(', ');
  const facts: [string, preact.ComponentChildren][] = [[view.envelope, code(contract.envelope)]];
  if (contract.testEnvelope !== undefined) facts.push([view.testEnvelope, code(contract.testEnvelope)]);
  if (signature !== undefined) {
    facts.push(
      [view.header, <code>{`${safeLine(signature.header)}: ${safeLine(signature.prefix ?? '')}<${signature.encoding}>`}</code>],
      [view.signed, <code>{safeLine(signature.signedText)}</code>],
      [view.secret, `${signature.secret === 'whsec' ? view.whsec : view.literal}${signature.several === true ? `; ${view.several}` : ''}`],
    );
  } else facts.push([view.header, view.nothing]);
  if (Object.keys(headers).length > 0) facts.push([view.headers, code(headers)]);
  facts.push(
    [view.timeout, base().time.seconds(contract.timeoutSeconds)],
    [view.success, list(contract.success)],
    [view.refused, list(contract.refused)],
    [view.gone, list(contract.gone)],
    [view.retryAfter, list(contract.retryAfter)],
    [view.delays, delays === '' ? view.nothing : jitter === 0 ? delays : `${delays}; ${view.jitter(jitter.toLocaleString(locale(), { style: 'percent' }))}`],
    [view.atEnd, view.ends[contract.atEnd ?? 'fail'] ?? safeLine(contract.atEnd ?? '')],
  );
  const mailed = [mails?.whenDisabled === true ? view.mailDisabled : '', typeof mails?.warnAfter === 'number' ? view.mailWarn(mails.warnAfter) : ''].filter((text) => text !== '');
  if (mailed.length > 0) facts.push([view.mails, mailed.join('; ')]);
  if (contract.httpsOnly === true) facts.push([view.https, view.yes]);
  if (typeof contract.webhooksPerTenant === 'number') facts.push([view.webhooks, contract.webhooksPerTenant]);
  if (contract.typeNames !== undefined && Object.keys(contract.typeNames).length > 0) facts.push([view.names, code(contract.typeNames)]);
  return <dl class="facts">{facts.flatMap(([name, value]) => [<dt key={`${name} name`}>{name}</dt>, <dd key={name}>{value}</dd>])}</dl>;
}

function RemoveContract({ name, used, onClose, onRemoved }: { name: string; used: Used | undefined; onClose: () => void; onRemoved: () => void }) {
  const words = texts('operator').contracts;
  const remove = async (): Promise<void> => {
    await take(api.DELETE('/v1/contracts/{contractName}', { params: { path: { contractName: name } } }));
    say(words.removed);
    onRemoved();
  };
  return (
    <Confirm title={words.removeTitle(safeLine(name))} action={words.remove} onConfirm={remove} onClose={onClose}>
      <p>{words.removeText}</p>
      {used !== undefined && used.tenants.length > 0 && <Notice tone="warn">{words.removeUsed(used.tenants.slice(0, 20).map(safeLine).join(', '))}</Notice>}
    </Confirm>
  );
}
