// A new key: what it may do and how long, then the key itself, once.

import { useRef, useState } from 'preact/hooks';

import { api, take } from '../../api/client';
import { asError } from '../../api/problem';
import type { components } from '../../api/schema';
import { can, me } from '../../api/session';
import { Copy } from '../../parts/copy';
import { Confirm, Dialog } from '../../parts/dialog';
import { Field, FieldError } from '../../parts/field';
import { mistakesIn } from '../../parts/state';
import { Notice, Wrong } from '../../parts/status';
import { base, texts } from '../../texts';
import type { Key } from '.';

type NewKey = components['schemas']['KeyWithSecret'];

const SCOPES = ['events:write', 'events:erase', 'webhooks:read', 'webhooks:write', 'deliveries:read', 'deliveries:retry', 'keys'] as const;
const DAYS = [30, 90, 365];

interface Props {
  tenantId: string;
  onClose: () => void;
  onCreated: (key: Key) => void;
}

export function CreateKey({ tenantId, onClose, onCreated }: Props) {
  const words = texts('keys').form;
  const [name, setName] = useState('');
  const [scopes, setScopes] = useState<string[]>(['events:write']);
  const [days, setDays] = useState('');
  const [errors, setErrors] = useState<Record<string, string>>({});
  const [busy, setBusy] = useState(false);
  const [made, setMade] = useState<NewKey | null>(null);
  const limited = me.value?.expiresAt !== undefined && me.value.kind !== 'operator' && me.value.tenantId !== undefined;
  const create = async (): Promise<void> => {
    if (busy) return;
    if (scopes.length === 0) {
      setErrors({ scopes: words.noScope });
      return;
    }
    setBusy(true);
    setErrors({});
    try {
      const expiresAt = days === '' ? undefined : new Date(Date.now() + Number(days) * 86_400_000).toISOString();
      const one = await take(api.POST('/v1/tenants/{tenantId}/keys', { params: { path: { tenantId } }, body: { ...(name !== '' && { name }), scopes, expiresAt } }));
      const { key: _, ...rest } = one;
      onCreated(rest);
      setMade(one);
    } catch (thrown) {
      setErrors(mistakesIn(asError(thrown), (path) => path.split('.')[0] ?? path));
    } finally {
      setBusy(false);
    }
  };
  if (made !== null) return <Once made={made} onClose={onClose} />;
  return (
    <Dialog
      title={words.title}
      onClose={onClose}
      foot={
        <>
          <button type="button" class="button" onClick={onClose}>
            {base().words.cancel}
          </button>
          <button type="submit" form="create-key" class="button primary" aria-disabled={busy}>
            {words.action}
          </button>
        </>
      }
    >
      <form
        id="create-key"
        class="stack"
        autocomplete="off"
        onSubmit={(event) => {
          event.preventDefault();
          void create();
        }}
      >
        <Field name="name" label={words.name} help={words.nameHelp} error={errors['name']}>
          {(attributes) => <input {...attributes} maxLength={256} data-autofocus value={name} onInput={(event) => setName(event.currentTarget.value)} />}
        </Field>
        <fieldset class="stack-small" data-field="scopes" aria-describedby="create-key-scopes">
          <legend>{words.scopes}</legend>
          <span class="help" id="create-key-scopes">
            {words.scopesHelp}
          </span>
          {SCOPES.filter(can).map((scope) => (
            <label class="check" key={scope}>
              <input
                type="checkbox"
                checked={scopes.includes(scope)}
                onChange={(event) => setScopes(event.currentTarget.checked ? [...scopes, scope] : scopes.filter((one) => one !== scope))}
              />
              <span>
                {texts('keys').scopes[scope]} <code class="soft">{scope}</code>
              </span>
            </label>
          ))}
          <FieldError id="create-key-scopes-error" error={errors['scopes']} />
        </fieldset>
        <Field name="expiresAt" label={words.expires} required error={errors['expiresAt']}>
          {(attributes) => (
            <select {...attributes} value={days} onChange={(event) => setDays(event.currentTarget.value)}>
              <option value="">{limited ? words.asMine : words.never}</option>
              {!limited &&
                DAYS.map((count) => (
                  <option key={count} value={count}>
                    {words.days(count)}
                  </option>
                ))}
            </select>
          )}
        </Field>
        <Wrong text={errors['all']} />
      </form>
    </Dialog>
  );
}

function Once({ made, onClose }: { made: NewKey; onClose: () => void }) {
  const words = texts('keys').once;
  const [asking, setAsking] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  if (asking) {
    return (
      <Confirm title={words.leave} action={words.leaveAction} cancel={words.back} onConfirm={onClose} onClose={() => setAsking(false)}>
        <p>{words.leaveText}</p>
      </Confirm>
    );
  }
  return (
    <Dialog
      title={words.title}
      onClose={() => (made.key === '' ? onClose() : setAsking(true))}
      foot={
        <button type="button" class="button primary" onClick={onClose}>
          {made.key === '' ? base().words.close : words.stored}
        </button>
      }
    >
      {made.key === '' ? (
        <Notice tone="warn">{words.empty}</Notice>
      ) : (
        <>
          <p>{words.text}</p>
          <Field name="key" label={words.label} shown>
            {(attributes) => <input {...attributes} ref={field} class="mono" readOnly data-autofocus value={made.key} onFocus={(event) => event.currentTarget.select()} />}
          </Field>
          <Copy text={made.key} what={words.what} target={field} word />
        </>
      )}
    </Dialog>
  );
}
