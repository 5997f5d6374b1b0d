// The check of a delivery. Secret, headers and body stay in this form: nothing is sent.

import { useId, useState } from 'preact/hooks';

import type { SigningContract } from '../../lib/contracts';
import { utf8, type Bytes } from '../../lib/bytes';
import { detect } from '../../lib/detect';
import { parseHeaders } from '../../lib/headers';
import { safeLine } from '../../lib/safe-text';
import { explainComputed, TOLERANCE, verify, type Change, type Verdict } from '../../lib/verify';
import { Field } from '../../parts/field';
import { base, texts } from '../../texts';
import { relative } from '../../lib/time';
import { Notice } from '../../parts/status';

interface Outcome {
  verdict: Verdict;
  /** The header that was found out. */
  found?: string;
  /** Undefined: not asked for. Null: no cause found. */
  computed?: Change[] | null;
}

interface Props {
  /** Undefined: the page may not read it. */
  contract: SigningContract | undefined;
  name: string;
}

export function CheckForm({ contract, name }: Props) {
  const words = texts('verify').check;
  const [given, setGiven] = useState({ secret: '', headers: '', body: '', computed: '' });
  const [file, setFile] = useState<{ name: string; bytes: Bytes } | null>(null);
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const [busy, setBusy] = useState(false);
  const id = useId();
  const change = (part: Partial<typeof given>): void => setGiven((before) => ({ ...before, ...part }));
  const check = async (): Promise<void> => {
    if (busy) return;
    setBusy(true);
    try {
      setOutcome(await judge(contract, name, { ...given, bytes: file?.bytes ?? utf8(given.body) }));
    } finally {
      setBusy(false);
    }
  };
  const clear = (): void => {
    setGiven({ secret: '', headers: '', body: '', computed: '' });
    setFile(null);
    setOutcome(null);
  };
  return (
    <section class="card stack" aria-labelledby={id}>
      <h2 id={id}>{words.title}</h2>
      <p>{words.lead}</p>
      <form
        class="stack"
        autocomplete="off"
        onSubmit={(event) => {
          event.preventDefault();
          void check();
        }}
      >
        <div class="verify-fields">
          <Field name="secret" label={words.secret} required>
            {(attributes) => <input {...attributes} type="password" autocomplete="off" spellcheck={false} value={given.secret} onInput={(event) => change({ secret: event.currentTarget.value })} />}
          </Field>
          <Field name="computed" label={words.computed} help={words.computedHelp}>
            {(attributes) => <input {...attributes} class="mono" autocomplete="off" spellcheck={false} value={given.computed} onInput={(event) => change({ computed: event.currentTarget.value })} />}
          </Field>
          <Field name="headers" label={words.headers} help={words.headersHelp} required>
            {(attributes) => <textarea {...attributes} rows={7} autocomplete="off" spellcheck={false} value={given.headers} onInput={(event) => change({ headers: event.currentTarget.value })} />}
          </Field>
          <div class="stack-small">
            {file === null ? (
              <Field name="body" label={words.body} help={words.bodyHelp} required>
                {(attributes) => <textarea {...attributes} rows={7} autocomplete="off" spellcheck={false} value={given.body} onInput={(event) => change({ body: event.currentTarget.value })} />}
              </Field>
            ) : (
              <p class="row">
                {words.fileChosen(safeLine(file.name), file.bytes.length)}
                <button type="button" class="button" onClick={() => setFile(null)}>
                  {words.fileDrop}
                </button>
              </p>
            )}
            <label class="small">
              {words.file}{' '}
              <input
                type="file"
                onChange={(event) => {
                  const chosen = event.currentTarget.files?.[0];
                  if (chosen !== undefined) void chosen.arrayBuffer().then((bytes) => setFile({ name: chosen.name, bytes: new Uint8Array(bytes) }));
                }}
              />
            </label>
          </div>
        </div>
        <div class="row">
          <button type="submit" class="button primary" aria-disabled={busy}>
            {busy ? words.running : words.run}
          </button>
          <button type="button" class="button" onClick={clear}>
            {words.clear}
          </button>
        </div>
      </form>
      <div role="status">{outcome !== null && <Result {...outcome} />}</div>
    </section>
  );
}

async function judge(contract: SigningContract | undefined, name: string, given: { secret: string; headers: string; computed: string; bytes: Bytes }): Promise<Outcome> {
  const delivery = { secret: given.secret, headers: parseHeaders(given.headers), body: given.bytes };
  const now = Date.now();
  const { verdict, scheme } = contract === undefined ? await detect(name, delivery, now) : { verdict: await verify(contract, delivery, now), scheme: undefined };
  const signing = contract ?? (scheme === undefined ? undefined : { name, signature: scheme });
  if (given.computed.trim() === '' || signing === undefined) return { verdict, found: scheme?.header };
  return { verdict, found: scheme?.header, computed: await explainComputed(signing, delivery, given.computed) };
}

function describe(change: Change): string {
  const { given, changes } = texts('verify');
  switch (change.part) {
    case 'body':
      return given.body[change.how];
    case 'secret':
      return given.secret[change.how];
    case 'signature':
      return given.signature[change.how];
    case 'text':
      return changes.text(change.signed);
    case 'algorithm':
      return changes.algorithm(change.name);
  }
}

function Changes({ changes }: { changes: Change[] }) {
  return (
    <ul class="verify-list">
      {changes.map((change, at) => (
        <li key={at}>{describe(change)}</li>
      ))}
    </ul>
  );
}

function Result({ verdict, found, computed }: Outcome) {
  const words = texts('verify').verdict;
  return (
    <div class="stack-small">
      <Notice tone={verdict.result === 'genuine' ? 'ok' : verdict.result === 'missing' ? 'warn' : 'bad'}>
        <Explained verdict={verdict} />
        {found !== undefined && <p>{words.found(safeLine(found))}</p>}
        {'expected' in verdict && verdict.result !== 'genuine' && (
          <p class="small">
            {words.expected}: <code>{verdict.expected}</code>
          </p>
        )}
      </Notice>
      {computed !== undefined && (
        <Notice tone={computed !== null && computed.length === 0 ? 'ok' : 'warn'}>
          {computed === null ? words.computedUnknown : computed.length === 0 ? words.computedRight : words.computedMistake}
          {computed !== null && computed.length > 0 && <Changes changes={computed} />}
        </Notice>
      )}
    </div>
  );
}

function Explained({ verdict }: { verdict: Verdict }) {
  const words = texts('verify').verdict;
  switch (verdict.result) {
    case 'missing':
      return <p>{words.missing[verdict.what]}</p>;
    case 'unsigned':
      return <p>{words.unsigned}</p>;
    case 'bad_secret':
      return <p>{words.badSecret}</p>;
    case 'no_header':
      return (
        <>
          <p>
            <strong>{words.noHeader(safeLine(verdict.header))}</strong>
          </p>
          <p>{verdict.other === undefined ? words.noHeaderNext : words.otherContract(verdict.other.header, verdict.other.contract)}</p>
        </>
      );
    case 'no_part':
      return <p>{words.noPart(verdict.header)}</p>;
    case 'malformed':
      return (
        <p>
          {words.malformed(safeLine(verdict.header))} <code>{verdict.example}</code>
        </p>
      );
    case 'genuine': {
      const isOld = verdict.age !== undefined && Math.abs(verdict.age) > TOLERANCE;
      return (
        <>
          <p>
            <strong>{words.genuine}</strong>
          </p>
          <p>{isOld ? words.old(relative(Date.now() - (verdict.age ?? 0) * 1000, Date.now(), base().time)) : words.genuineNext}</p>
        </>
      );
    }
    case 'mistake':
      return (
        <>
          <p>
            <strong>{words.mistake}</strong>
          </p>
          <Changes changes={verdict.changes} />
          <p>{words.mistakeNext}</p>
        </>
      );
    case 'other':
      return (
        <>
          <p>
            <strong>{words.other}</strong>
          </p>
          <p>{words.otherNext}</p>
        </>
      );
  }
}
