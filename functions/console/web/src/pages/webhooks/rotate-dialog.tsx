// A new secret: generated or one's own, with an overlap.

import { useId, useRef, useState } from 'preact/hooks';

import { api, take } from '../../api/client';
import { asError, fieldErrors } from '../../api/problem';
import { factsOf } from '../../lib/contract-facts';
import { safeLine } from '../../lib/safe-text';
import { useTenant } from '../../lib/tenant';
import { Dialog } from '../../parts/dialog';
import { Field } from '../../parts/field';
import { SecretInput } from '../../parts/secret-input';
import { sentence } from '../../parts/state';
import { Notice, Wrong } from '../../parts/status';
import { say } from '../../parts/toast';
import { base, texts } from '../../texts';
import { nameOf, type Webhook } from './data';

const DAY = '86400';

interface Props {
  webhook: Webhook;
  onClose: () => void;
  /** The new secret, if it has to be shown. */
  onDone: (webhook: Webhook, secret: string | undefined) => void;
}

export function RotateDialog({ webhook, onClose, onDone }: Props) {
  const words = texts('webhook');
  const { id: tenantId } = useTenant();
  const facts = factsOf(webhook.contract);
  const [own, setOwn] = useState(false);
  const [overlap, setOverlap] = useState(facts.several ? DAY : '0');
  const [busy, setBusy] = useState(false);
  const [errors, setErrors] = useState<{ secret?: string; overlapSeconds?: string; other?: string }>({});
  const input = useRef<HTMLInputElement>(null);
  const form = useId();
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const secret = own ? (input.current?.value ?? '') : undefined;
    if (secret === '') {
      setErrors({ secret: base().fields.required });
      input.current?.focus();
      return;
    }
    if (busy) return;
    setBusy(true);
    setErrors({});
    try {
      const answer = await take(api.POST('/v1/tenants/{tenantId}/webhooks/{webhookId}/secret/rotate', { params: { path: { tenantId, webhookId: webhook.id } }, body: { secret, overlapSeconds: Number(overlap) } }));
      say(words.rotate.done);
      onDone(answer, own ? undefined : answer.secret);
    } catch (thrown) {
      const error = asError(thrown);
      const places = Object.fromEntries(fieldErrors(error).map((one) => [one.field, safeLine(one.detail)])) as { secret?: string; overlapSeconds?: string };
      setErrors(places.secret === undefined && places.overlapSeconds === undefined ? { other: sentence(error) } : places);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog
      title={words.rotate.title(nameOf(webhook))}
      onClose={onClose}
      foot={
        <>
          <button type="button" class="button" data-autofocus onClick={onClose}>
            {base().words.cancel}
          </button>
          <button type="submit" form={form} class="button primary" aria-disabled={busy}>
            {words.rotate.action}
          </button>
        </>
      }
    >
      <form id={form} class="stack" noValidate onSubmit={(event) => void submit(event)}>
        <SecretChoice own={own} onOwn={setOwn} facts={facts} error={errors.secret} inputRef={input} />
        <Field label={words.rotate.overlap} name="overlapSeconds" error={errors.overlapSeconds} required help={facts.several ? words.rotate.several : undefined}>
          {(attributes) => (
            <select {...attributes} value={overlap} onChange={(event) => setOverlap(event.currentTarget.value)}>
              {Object.entries(words.rotate.overlaps).map(([seconds, text]) => (
                <option key={seconds} value={seconds}>
                  {text}
                </option>
              ))}
            </select>
          )}
        </Field>
        {(!facts.several || overlap === '0') && (
          <Notice tone="warn" role="status">
            {overlap === '0' ? words.rotate.oneNow : words.rotate.one}
          </Notice>
        )}
        <Wrong text={errors.other} />
      </form>
    </Dialog>
  );
}

interface ChoiceProps {
  own: boolean;
  onOwn: (own: boolean) => void;
  facts: { secret: 'literal' | 'whsec' | 'any' };
  error?: string;
  inputRef: { current: HTMLInputElement | null };
  onInput?: () => void;
}

/** Generated, or one's own. The input is not kept in any state: it goes with the form. */
export function SecretChoice({ own, onOwn, facts, error, inputRef, onInput }: ChoiceProps) {
  const words = texts('webhook').secretChoice;
  const [shown, setShown] = useState(false);
  const id = useId();
  return (
    <fieldset class="stack-small" data-field="secret">
      <legend>{words.legend}</legend>
      <span class="help">{words.help}</span>
      {[false, true].map((value) => (
        <label class="check" key={String(value)}>
          <input type="radio" name={`${id}-secret`} checked={own === value} onChange={() => onOwn(value)} />
          {value ? words.own : words.generate}
        </label>
      ))}
      {own && (
        <Field label={words.ownLabel} name="secret-value" required error={error} help={facts.secret === 'whsec' ? words.ownWhsec : facts.secret === 'literal' ? words.ownLiteral : undefined}>
          {(attributes) => (
            <span class="row nowrap">
              <SecretInput {...attributes} inputRef={inputRef} shown={shown} maxLength={1024} onInput={onInput} />
              <button type="button" class="button" aria-pressed={shown} onClick={() => setShown(!shown)}>
                {shown ? texts('webhook').secret.hide : texts('webhook').secret.reveal}
              </button>
            </span>
          )}
        </Field>
      )}
    </fieldset>
  );
}
