// How a receiver verifies a contract's deliveries: the rules, a sample, and a check in the browser.

import { useId, useState } from 'preact/hooks';

import { api, take } from '../../api/client';
import { builtin, type SigningContract } from '../../lib/contracts';
import { useResource } from '../../lib/resource';
import { LANGUAGES, sample, type Language } from '../../lib/samples';
import { safeLine } from '../../lib/safe-text';
import { Copy } from '../../parts/copy';
import { Loading } from '../../parts/state';
import { texts } from '../../texts';
import { CheckForm } from './check';
import './verify.css';

/** Built-in contracts are known here; only the operator may read the others. */
function useContract(name: string): SigningContract | undefined | null {
  const known = builtin(name);
  const read = useResource(`contract ${name}`, async (signal) => (known !== undefined ? null : take(api.GET('/v1/contracts/{contractName}', { params: { path: { contractName: name } }, signal }))), { refresh: false });
  if (known !== undefined) return known;
  if (read.data !== undefined && read.data !== null) return read.data;
  return read.error === undefined ? undefined : null;
}

export function VerifyPanel({ contractName }: { contractName: string }) {
  const contract = useContract(contractName);
  const words = texts('verify');
  if (contract === undefined) return <Loading rows={4} />;
  const unsigned = contract !== null && contract.signature === undefined;
  return (
    <div class="stack">
      {contract === null ? <p>{words.rules.own}</p> : <Rules contract={contract} />}
      {contract !== null && !unsigned && <Sample contract={contract} />}
      {!unsigned && <CheckForm key={contractName} contract={contract ?? undefined} name={contractName} />}
    </div>
  );
}

function Rules({ contract }: { contract: SigningContract }) {
  const { rules } = texts('verify');
  const { signature } = contract;
  const id = useId();
  return (
    <section class="card stack" aria-labelledby={id}>
      <h2 id={id}>{rules.title}</h2>
      {signature === undefined ? (
        <p>{rules.unsigned(contract.name)}</p>
      ) : (
        <>
          <dl class="facts">
            <dt>{rules.header}</dt>
            <dd>
              <code>{safeLine(signature.header)}</code>
            </dd>
            <dt>{rules.value}</dt>
            <dd>{rules.encoded(safeLine(signature.prefix ?? ''), signature.encoding)}</dd>
            <dt>{rules.algorithm}</dt>
            <dd>HMAC-SHA256</dd>
            <dt>{rules.signed}</dt>
            <dd>
              <code>{safeLine(signature.signedText)}</code>
            </dd>
            <dt>{rules.key}</dt>
            <dd>{signature.secret === 'whsec' ? rules.keyWhsec : rules.keyLiteral}</dd>
          </dl>
          <ul class="verify-list">
            <li>{rules.raw}</li>
            <li>{rules.constant}</li>
            {signature.several === true && <li>{rules.several}</li>}
            {signature.signedText.includes('{timestamp}') && <li>{rules.timestamp}</li>}
            <li>{rules.repeats}</li>
          </ul>
        </>
      )}
    </section>
  );
}

function Sample({ contract }: { contract: SigningContract }) {
  const words = texts('verify').sample;
  const [language, setLanguage] = useState<Language>('node');
  const id = useId();
  const code = sample(language, contract) ?? '';
  return (
    <section class="card stack" aria-labelledby={id}>
      <div class="row spread">
        <h2 id={id}>{words.title}</h2>
        <div class="row" role="group" aria-label={words.label}>
          {LANGUAGES.map((one) => (
            <button key={one} type="button" class="button" aria-pressed={one === language} onClick={() => setLanguage(one)}>
              {words.languages[one]}
            </button>
          ))}
          <Copy text={code} what={words.what} />
        </div>
      </div>
      <pre class="verify-code" tabIndex={0} aria-labelledby={id}>
        {code}
      </pre>
      <p class="soft small">{words.note}</p>
    </section>
  );
}

