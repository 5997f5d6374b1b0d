// The state of the form: what is typed, what is wrong with it, and what saving it answered.

import { useRef, useState } from 'preact/hooks';

import { api, take, takeWithTag } from '../../api/client';
import { type ApiError, asError, fieldErrors } from '../../api/problem';
import { safeLine } from '../../lib/safe-text';
import { focusField } from '../../parts/field';
import { base, texts } from '../../texts';
import { change, type Webhook } from '../webhooks/data';
import { createBody, type Draft, draftOf, emptyDraft, type MistakeName, mistakesOf, patchOf, type Secrets } from './draft';

export interface Editing {
  webhook: Webhook;
  etag?: string;
}

export function read(tenantId: string, webhookId: string, signal?: AbortSignal): Promise<Editing> {
  return takeWithTag(api.GET('/v1/tenants/{tenantId}/webhooks/{webhookId}', { params: { path: { tenantId, webhookId } }, signal })).then(({ data, etag }) => ({ webhook: data, etag }));
}

function wordOf(mistake: MistakeName): string {
  const words = texts('webhookForm');
  return mistake === 'required' || mistake === 'passwordRequired' || mistake === 'secretRequired' ? base().fields.required : words[mistake];
}

/** The server's mistakes at their fields: its reason in plain words, if the page has them. */
function placed(error: ApiError): Record<string, string> {
  const { urlReasons } = texts('webhookForm');
  return Object.fromEntries(fieldErrors(error).map((one): [string, string] => [one.field.replace(/^events\.\d+$/, 'events'), (one.field === 'url' ? urlReasons[one.reason ?? ''] : undefined) ?? safeLine(one.detail)]));
}

export function useForm(tenantId: string, contract: string, editing: Editing | undefined, onSaved: (webhook: Webhook, secret: string | undefined, repeated: boolean) => void) {
  const [opened, setOpened] = useState(editing);
  const [draft, setDraft] = useState<Draft>(() => (editing === undefined ? emptyDraft(contract) : draftOf(editing.webhook)));
  const [own, setOwn] = useState(false);
  // Counts what is typed into inputs that no state keeps.
  const [touched, setTouched] = useState(false);
  const [errors, setErrors] = useState<Record<string, string>>({});
  const [failure, setFailure] = useState<ApiError | undefined>();
  /** What somebody else has made of it since it was opened here. */
  const [theirs, setTheirs] = useState<Editing | undefined>();
  const [busy, setBusy] = useState(false);
  const password = useRef<HTMLInputElement>(null);
  const secret = useRef<HTMLInputElement>(null);
  const form = useRef<HTMLFormElement>(null);
  // The same for each repetition: a lost answer must not make a second webhook.
  const key = useRef(crypto.randomUUID());

  const secrets = (): Secrets => ({ password: draft.basicAuth ? (password.current?.value ?? '') : '', secret: opened === undefined && own ? (secret.current?.value ?? '') : undefined });
  const patch = opened === undefined ? undefined : patchOf(draft, secrets(), opened.webhook);
  const dirty = opened === undefined ? JSON.stringify(draft) !== JSON.stringify(emptyDraft(contract)) || own : Object.keys(patch ?? {}).length > 0;
  const show = (found: Record<string, string>): void => {
    setErrors(found);
    const [first] = Object.keys(found);
    if (first !== undefined) requestAnimationFrame(() => focusField(form.current, first));
  };
  /** `over`: after the changes of somebody else, which stay unless they are in the same fields. */
  const save = async (over = false): Promise<void> => {
    if (busy) return;
    const given = secrets();
    setFailure(undefined);
    const mistakes = mistakesOf(draft, given, opened?.webhook);
    if (mistakes.length > 0) {
      show(Object.fromEntries(mistakes.map(([field, mistake]) => [field, wordOf(mistake)])));
      return;
    }
    setErrors({});
    setBusy(true);
    try {
      if (opened === undefined) {
        const answer = await take(api.POST('/v1/tenants/{tenantId}/webhooks', { params: { path: { tenantId }, header: { 'Idempotency-Key': key.current } }, body: createBody(draft, given, contract) }));
        const shown = (answer as { secret?: string }).secret;
        onSaved(answer, given.secret === undefined ? shown : undefined, given.secret === undefined && shown === undefined);
      } else {
        onSaved(await change(tenantId, opened.webhook.id, patchOf(draft, given, opened.webhook), (over ? theirs : opened)?.etag), undefined, false);
      }
    } catch (thrown) {
      const error = asError(thrown);
      const found = placed(error);
      // Another body needs another key.
      if (error.status !== 0) key.current = crypto.randomUUID();
      if (opened !== undefined && (error.status === 412 || error.code === 'concurrent_change')) setTheirs(await read(tenantId, opened.webhook.id).catch((): undefined => undefined));
      if (error.kind === 'invalid' && Object.keys(found).length > 0) show(found);
      else setFailure(error);
    } finally {
      setBusy(false);
    }
  };
  const loadTheirs = (): void => {
    if (theirs === undefined) return;
    setOpened(theirs);
    setDraft(draftOf(theirs.webhook));
    if (password.current !== null) password.current.value = '';
    setFailure(undefined);
    setErrors({});
  };
  return {
    draft,
    set: (change: Partial<Draft>) => {
      setDraft((before) => ({ ...before, ...change }));
      // What is typed anew is no mistake until it is saved.
      setErrors((found) => Object.fromEntries(Object.entries(found).filter(([field]) => !(field in change))));
    },
    own,
    setOwn,
    touch: () => setTouched(!touched),
    errors,
    failure,
    busy,
    dirty,
    opened,
    theirs,
    save,
    loadTheirs,
    refs: { password, secret, form },
    focus: (field: string) => focusField(form.current, field),
  };
}
