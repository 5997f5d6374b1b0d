// A contract as JSON, new or changed. The API checks it; its mistakes stand below the text.

import { useRef, useState } from 'preact/hooks';

import { api, take, takeWithTag } from '../../api/client';
import { asError, fieldErrors } from '../../api/problem';
import type { components } from '../../api/schema';
import { safeBlock, safeLine } from '../../lib/safe-text';
import { readJson } from '../../lib/typed-json';
import { Dialog } from '../../parts/dialog';
import { Field, focusField } from '../../parts/field';
import { sentence } from '../../parts/state';
import { Notice } from '../../parts/status';
import { say } from '../../parts/toast';
import { base, texts } from '../../texts';
import { type Contract, definitionOf } from './definition';
import { PreviewForm } from './preview';

type Body = components['schemas']['ContractUpsert'];

interface Props {
  /** Undefined: a new one. */
  name?: string;
  etag?: string;
  definition: unknown;
  onClose: () => void;
  onSaved: (contract: Contract) => void;
}

export function EditContract({ name: known, etag: opened, definition, onClose, onSaved }: Props) {
  const words = texts('operator').contracts;
  const form = useRef<HTMLFormElement>(null);
  const [name, setName] = useState(known ?? '');
  const [text, setText] = useState(() => JSON.stringify(definition, null, 2));
  const [errors, setErrors] = useState<{ name?: string; definition?: string; all?: string[] }>({});
  const [busy, setBusy] = useState(false);
  const [etag, setEtag] = useState(opened);
  const [theirs, setTheirs] = useState<string | undefined>();
  const parsed = readJson(text);
  const value = 'value' in parsed && typeof parsed.value === 'object' && parsed.value !== null && !Array.isArray(parsed.value) ? (parsed.value as Body) : undefined;
  const refuse = (found: typeof errors): void => {
    setErrors(found);
    requestAnimationFrame(() => focusField(form.current, found.name === undefined ? 'definition' : 'name'));
  };
  const save = async (): Promise<void> => {
    if (busy) return;
    if (name.trim() === '') return refuse({ name: base().fields.required });
    if ('wrong' in parsed) return refuse({ definition: words.badJson(parsed.wrong) });
    if (value === undefined) return refuse({ definition: words.noObject });
    setBusy(true);
    setErrors({});
    try {
      const guard = known === undefined ? { 'If-None-Match': '*' } : etag === undefined ? {} : { 'If-Match': etag };
      const saved = await take(api.PUT('/v1/contracts/{contractName}', { params: { path: { contractName: name.trim() }, header: guard }, body: value }));
      say(words.saved);
      onClose();
      onSaved(saved);
    } catch (thrown) {
      const error = asError(thrown);
      const mistakes = fieldErrors(error);
      const ofName = mistakes.find((one) => one.field === 'contractName');
      if (error.status === 412 && known === undefined) refuse({ name: words.taken });
      else if (error.status === 412 && known !== undefined) {
        const now = await takeWithTag(api.GET('/v1/contracts/{contractName}', { params: { path: { contractName: known } } })).catch((): undefined => undefined);
        setEtag(now?.etag ?? etag);
        setTheirs(now === undefined ? undefined : JSON.stringify(definitionOf(now.data), null, 2));
        refuse({ all: [words.conflict] });
      } else if (ofName !== undefined) refuse({ name: ofName.detail });
      else refuse({ all: mistakes.length > 0 ? mistakes.map((one) => `${one.field}: ${one.detail}`) : [sentence(error)] });
      setBusy(false);
    }
  };
  return (
    <Dialog
      wide
      title={known === undefined ? words.add : words.editTitle(known)}
      onClose={onClose}
      foot={
        <>
          <button type="button" class="button" onClick={onClose}>
            {base().words.cancel}
          </button>
          <button type="submit" form="contract" class="button primary" aria-disabled={busy}>
            {words.save}
          </button>
        </>
      }
    >
      <form
        id="contract"
        ref={form}
        class="stack"
        autocomplete="off"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        {known === undefined ? (
          <Field name="name" label={words.name} help={words.nameHelp} required error={errors.name}>
            {(attributes) => <input {...attributes} class="mono" data-autofocus maxLength={64} value={name} onInput={(event) => setName(event.currentTarget.value)} />}
          </Field>
        ) : (
          <p>{words.editNote}</p>
        )}
        <Field name="definition" label={words.definition} required error={errors.definition ?? ('wrong' in parsed ? words.badJson(parsed.wrong) : undefined)}>
          {(attributes) => <textarea {...attributes} class="mono" rows={16} spellcheck={false} value={text} onInput={(event) => setText(event.currentTarget.value)} />}
        </Field>
        {theirs !== undefined && (
          <details>
            <summary>{words.theirs}</summary>
            <pre tabIndex={0} aria-label={words.theirs}>
              {safeBlock(theirs)}
            </pre>
          </details>
        )}
        {errors.all !== undefined && (
          <Notice tone="bad" role="alert">
            {errors.all.map((one) => (
              <p key={one}>{safeLine(one)}</p>
            ))}
          </Notice>
        )}
      </form>
      {value !== undefined && isDrawable(value) && <PreviewForm contract={value} />}
    </Dialog>
  );
}

/** Whether enough of it has the right shape to draw it; the API says what is wrong otherwise. */
function isDrawable(value: Body): boolean {
  const { signature, headers } = value as { signature?: unknown; headers?: unknown };
  const texted = typeof headers !== 'object' || headers === null ? headers === undefined : Object.values(headers).every((one) => typeof one === 'string');
  const signed = signature === undefined || (typeof signature === 'object' && signature !== null && typeof (signature as { signedText?: unknown }).signedText === 'string');
  return texted && signed;
}
