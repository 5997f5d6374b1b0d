// A form for what the test receiver answers.

import { useRef, useState } from 'preact/hooks';

import { api, takeWithTag } from '../../api/client';
import { asError } from '../../api/problem';
import { ANSWER, type AnswerDraft, bodyOf, draftOf, mistakesOf, SCRIPTS, type Scripted } from '../../lib/inbox-script';
import { useUnsaved } from '../../lib/leave';
import { useResource } from '../../lib/resource';
import { safeLine } from '../../lib/safe-text';
import { useTenant } from '../../lib/tenant';
import { Field, focusField } from '../../parts/field';
import { Icon } from '../../parts/icon';
import { mistakesIn, Read } from '../../parts/state';
import { Wrong } from '../../parts/status';
import { say } from '../../parts/toast';
import { texts } from '../../texts';
import type { Webhook } from '../webhooks/data';

const MAX_ANSWERS = 20;

interface Script {
  responses: Scripted[];
  etag?: string;
}

async function readScript(tenantId: string, webhookId: string, signal?: AbortSignal): Promise<Script> {
  const { data, etag } = await takeWithTag(api.GET('/v1/tenants/{tenantId}/webhooks/{webhookId}/responses', { params: { path: { tenantId, webhookId } }, signal }));
  return { ...data, etag };
}

export function Answers({ webhook }: { webhook: Webhook }) {
  const words = texts('inbox').script;
  const { id: tenantId } = useTenant();
  const script = useResource(`responses ${tenantId} ${webhook.id}`, (signal) => readScript(tenantId, webhook.id, signal), { refresh: false });
  return (
    <section class="card stack">
      <h2>{words.title}</h2>
      <p class="soft">{words.text}</p>
      <Read from={script} rows={3}>
        {(read) => <Form read={read} tenantId={tenantId} webhookId={webhook.id} onSaved={script.set} />}
      </Read>
    </section>
  );
}

interface FormProps {
  read: Script;
  tenantId: string;
  webhookId: string;
  onSaved: (script: Script) => void;
}

function Form({ read, tenantId, webhookId, onSaved }: FormProps) {
  const words = texts('inbox').script;
  const form = useRef<HTMLFormElement>(null);
  const [drafts, setDrafts] = useState(() => read.responses.map(draftOf));
  const [errors, setErrors] = useState<Record<string, string>>({});
  const [busy, setBusy] = useState(false);
  const [etag, setEtag] = useState(read.etag);
  const dirty = JSON.stringify(bodyOf(drafts)) !== JSON.stringify(bodyOf(read.responses.map(draftOf)));
  useUnsaved(dirty);

  const refuse = (found: Record<string, string>): void => {
    setErrors(found);
    const [first] = Object.keys(found);
    if (first !== undefined) requestAnimationFrame(() => focusField(form.current, first));
  };
  const save = async (): Promise<void> => {
    if (busy) return;
    const mistakes = mistakesOf(drafts);
    if (mistakes.length > 0) return refuse(Object.fromEntries(mistakes.map(([field, least, most]) => [field, words.range(least, most)])));
    setBusy(true);
    setErrors({});
    try {
      const header = etag === undefined ? {} : { 'If-Match': etag };
      const saved = await takeWithTag(api.PUT('/v1/tenants/{tenantId}/webhooks/{webhookId}/responses', { params: { path: { tenantId, webhookId }, header }, body: bodyOf(drafts) }));
      say(words.saved);
      setEtag(saved.etag);
      setDrafts(saved.data.responses.map(draftOf));
      onSaved({ ...saved.data, etag: saved.etag });
    } catch (thrown) {
      const error = asError(thrown);
      if (error.status === 412) {
        // What is typed stays; the next Save replaces what the other person has set.
        setEtag(await readScript(tenantId, webhookId).then(
          (theirs) => theirs.etag,
          () => etag,
        ));
        refuse({ all: words.conflict });
      } else refuse(mistakesIn(error));
    } finally {
      setBusy(false);
    }
  };
  const change = (index: number, part: Partial<AnswerDraft>): void => setDrafts((all) => all.map((one, at) => (at === index ? { ...one, ...part } : one)));
  const all = errors['all'] ?? errors['responses'];
  return (
    <form
      ref={form}
      class="stack"
      autocomplete="off"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <div class="row" role="group" aria-label={words.examples}>
        {Object.entries(SCRIPTS).map(([name, script]) => (
          <button type="button" class="button plain" key={name} onClick={() => setDrafts(script.map((one) => ({ ...ANSWER, ...one })))}>
            {words.presets[name as keyof typeof SCRIPTS]}
          </button>
        ))}
      </div>
      {drafts.map((draft, index) => (
        <Answer key={index} draft={draft} index={index} last={index === drafts.length - 1} errors={errors} onChange={(part) => change(index, part)} onRemove={drafts.length > 1 ? () => setDrafts(drafts.filter((_, at) => at !== index)) : undefined} />
      ))}
      <Wrong text={all} />
      <div class="row">
        {drafts.length < MAX_ANSWERS && (
          <button type="button" class="button" onClick={() => setDrafts([...drafts, ANSWER])}>
            {words.add}
          </button>
        )}
        <button type="submit" class="button primary" aria-disabled={busy}>
          {words.save}
        </button>
      </div>
    </form>
  );
}

interface AnswerProps {
  draft: AnswerDraft;
  index: number;
  last: boolean;
  errors: Record<string, string>;
  onChange: (part: Partial<AnswerDraft>) => void;
  onRemove?: () => void;
}

function Answer({ draft, index, last, errors, onChange, onRemove }: AnswerProps) {
  const words = texts('inbox').script;
  const errorOf = (field: string): string | undefined => errors[`responses.${index}.${field}`];
  const input = (name: 'status' | 'delaySeconds' | 'times' | 'retryAfter') => ({ value: draft[name], onInput: (event: { currentTarget: { value: string } }) => onChange({ [name]: event.currentTarget.value }) });
  const others = Object.keys(draft.headers);
  return (
    <fieldset class="inbox-answer">
      <legend>{words.answer(index + 1)}</legend>
      <div class="inbox-fields">
        <Field name={`responses.${index}.status`} label={words.status} required error={errorOf('status')}>
          {(attributes) => <input {...attributes} inputMode="numeric" {...input('status')} />}
        </Field>
        <Field name={`responses.${index}.delaySeconds`} label={words.delay} shown error={errorOf('delaySeconds')}>
          {(attributes) => <input {...attributes} inputMode="numeric" {...input('delaySeconds')} />}
        </Field>
        <Field name={`responses.${index}.headers`} label={words.retryAfter} error={errorOf('headers')}>
          {(attributes) => <input {...attributes} maxLength={256} {...input('retryAfter')} />}
        </Field>
        {last ? (
          <p class="soft inbox-repeats">{words.repeats}</p>
        ) : (
          <Field name={`responses.${index}.times`} label={words.times} required error={errorOf('times')}>
            {(attributes) => <input {...attributes} inputMode="numeric" {...input('times')} />}
          </Field>
        )}
        {onRemove !== undefined && (
          <button type="button" class="icon-button" aria-label={words.remove(index + 1)} onClick={onRemove}>
            <Icon name="close" />
          </button>
        )}
      </div>
      <Field name={`responses.${index}.body`} label={words.body} error={errorOf('body')}>
        {(attributes) => <textarea {...attributes} class="mono" rows={1} spellcheck={false} value={draft.body} onInput={(event) => onChange({ body: event.currentTarget.value })} />}
      </Field>
      {others.length > 0 && <p class="help">{words.otherHeaders(others.map(safeLine).join(', '))}</p>}
    </fieldset>
  );
}
