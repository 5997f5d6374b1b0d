// A tenant, new or changed. A change sends only what was changed, and only if nobody else was
// faster.

import { useEffect, useRef, useState } from 'preact/hooks';

import { api, take, takeWithTag } from '../../api/client';
import { type ApiError, asError } from '../../api/problem';
import type { components } from '../../api/schema';
import { BUILTIN } from '../../lib/contracts';
import { merge } from '../../lib/merge';
import { safeLine } from '../../lib/safe-text';
import { Dialog } from '../../parts/dialog';
import { Field, focusField } from '../../parts/field';
import { Failed, Loading, mistakesIn } from '../../parts/state';
import { Wrong } from '../../parts/status';
import { say } from '../../parts/toast';
import { base, texts } from '../../texts';
import type { Tenant } from '.';

type Given = {
  id: string;
  name: string;
  contract: string;
  contactEmail: string;
  publishers: string;
  webhooks: string;
  requestsPerMinute: string;
};

type Body = components['schemas']['TenantUpsert'];

const givenOf = (tenant: Tenant | undefined): Given => ({
  id: tenant?.id ?? '',
  name: tenant?.name ?? '',
  contract: tenant?.contract ?? 'standard',
  contactEmail: tenant?.contactEmail ?? '',
  publishers: tenant?.publishers.join('\n') ?? '',
  webhooks: String(tenant?.limits.webhooks ?? ''),
  requestsPerMinute: String(tenant?.limits.requestsPerMinute ?? ''),
});

const lines = (text: string): string[] => text.split(/\s+/).filter((line) => line !== '');
const number = (text: string): number | undefined => (text.trim() === '' ? undefined : Number(text));

/** The tenant as it is to be; what is not shown here stays as it was read. */
function bodyOf(given: Given, before: Tenant | undefined): Body {
  const { name, contactEmail } = given;
  return {
    ...(before?.context !== undefined && { context: before.context }),
    ...(name !== '' && { name }),
    contract: given.contract,
    ...(contactEmail !== '' && { contactEmail }),
    publishers: lines(given.publishers),
    limits: { ...(given.webhooks.trim() !== '' && { webhooks: number(given.webhooks) }), ...(given.requestsPerMinute.trim() !== '' && { requestsPerMinute: number(given.requestsPerMinute) }) },
  };
}

interface Props {
  /** Undefined: a new one. */
  tenant?: Tenant;
  onClose: () => void;
  onSaved: (tenant: Tenant) => void;
}

export function EditTenant({ tenant, onClose, onSaved }: Props) {
  const words = texts('operator').tenants.form;
  const [opened, setOpened] = useState<Read | null>(tenant === undefined ? {} : null);
  const [failure, setFailure] = useState<ApiError | null>(null);
  const title = tenant === undefined ? words.add : words.edit(safeLine(tenant.name ?? tenant.id));
  useEffect(() => {
    if (tenant === undefined) return;
    read(tenant.id).then(setOpened, (thrown: unknown) => setFailure(asError(thrown)));
  }, []);
  if (opened === null) {
    return (
      <Dialog title={title} onClose={onClose}>
        {failure === null ? <Loading rows={6} /> : <Failed error={failure} />}
      </Dialog>
    );
  }
  return <Form title={title} opened={opened} onClose={onClose} onSaved={onSaved} />;
}

type Read = { tenant?: Tenant; etag?: string };

const read = (tenantId: string): Promise<Read> => takeWithTag(api.GET('/v1/tenants/{tenantId}', { params: { path: { tenantId } } })).then(({ data, etag }) => ({ tenant: data, etag }));

/** Each member that somebody else has changed, with its new value. */
function changesOf(changed: (keyof Given)[], theirs: Given): string {
  const words = texts('operator').tenants.form;
  const names: Record<keyof Given, string> = { id: words.id, name: words.name, contract: words.contract, contactEmail: words.contact, publishers: words.publishers, webhooks: words.webhooks, requestsPerMinute: words.requests };
  return changed.map((name) => `${names[name]}: ${safeLine(theirs[name].replaceAll('\n', ', ') || base().words.none)}`).join('; ');
}

function Form({ title, opened, onClose, onSaved }: { title: string; opened: Read; onClose: () => void; onSaved: (tenant: Tenant) => void }) {
  const words = texts('operator').tenants.form;
  const form = useRef<HTMLFormElement>(null);
  const [{ tenant: before, etag }, setBefore] = useState(opened);
  const [given, setGiven] = useState(() => givenOf(before));
  const [errors, setErrors] = useState<Record<string, string>>({});
  const [busy, setBusy] = useState(false);
  const [contracts, setContracts] = useState<string[]>(BUILTIN.map((one) => one.name));
  useEffect(() => {
    // The built-in ones can be chosen even if this fails.
    take(api.GET('/v1/contracts', { params: { query: { limit: 250 } } })).then(
      (page) => setContracts(page.items.map((one) => one.name)),
      () => undefined,
    );
  }, []);
  const refuse = (found: Record<string, string>): void => {
    setErrors(found);
    const [first] = Object.keys(found);
    if (first !== undefined) requestAnimationFrame(() => focusField(form.current, first));
  };
  /** What somebody else has saved meanwhile comes into the form, except where something is typed. */
  const takeOver = (theirs: Read): void => {
    const [was, is] = [givenOf(before), givenOf(theirs.tenant)];
    setBefore(theirs);
    setGiven((mine) => merge(was, mine, is).given);
    refuse({ all: base().states.merged(changesOf(merge(was, was, is).changed, is)) });
  };
  const save = async (): Promise<void> => {
    if (busy) return;
    const wrong: Record<string, string> = {};
    if (given.id.trim() === '') wrong['id'] = base().fields.required;
    for (const name of ['webhooks', 'requestsPerMinute'] as const) if (!/^\s*\d*\s*$/.test(given[name])) wrong[name] = words.number;
    if (Object.keys(wrong).length > 0) return refuse(wrong);
    setBusy(true);
    setErrors({});
    try {
      const guard = before === undefined ? { 'If-None-Match': '*' } : etag === undefined ? {} : { 'If-Match': etag };
      const saved = await take(api.PUT('/v1/tenants/{tenantId}', { params: { path: { tenantId: given.id.trim() }, header: guard }, body: bodyOf(given, before) }));
      say(texts('operator').tenants.saved);
      onSaved(saved);
      onClose();
    } catch (thrown) {
      const error = asError(thrown);
      const place = (field: string): string => (field === 'tenantId' ? 'id' : field.startsWith('limits.') ? field.slice(7) : (field.split('.')[0] ?? field));
      const theirs = before !== undefined && error.status === 412 ? await read(before.id).catch((): undefined => undefined) : undefined;
      if (theirs !== undefined) takeOver(theirs);
      else if (before === undefined && error.status === 412) refuse({ id: words.taken });
      else refuse(mistakesIn(error, place));
      setBusy(false);
    }
  };
  const input = (name: keyof Given) => ({ value: given[name], onInput: (event: { currentTarget: { value: string } }) => setGiven((all) => ({ ...all, [name]: event.currentTarget.value })) });
  return (
    <Dialog
      title={title}
      onClose={onClose}
      foot={
        <>
          <button type="button" class="button" onClick={onClose}>
            {base().words.cancel}
          </button>
          <button type="submit" form="tenant" class="button primary" aria-disabled={busy}>
            {words.save}
          </button>
        </>
      }
    >
      <form
        id="tenant"
        ref={form}
        class="stack"
        autocomplete="off"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <Field name="id" label={words.id} help={words.idHelp} required error={errors['id']}>
          {(attributes) => <input {...attributes} class="mono" readOnly={before !== undefined} data-autofocus={before === undefined || undefined} maxLength={128} {...input('id')} />}
        </Field>
        <Field name="name" label={words.name} error={errors['name']}>
          {(attributes) => <input {...attributes} data-autofocus={before !== undefined || undefined} maxLength={256} {...input('name')} />}
        </Field>
        <Field name="contract" label={words.contract} help={words.contractHelp} required error={errors['contract']}>
          {(attributes) => (
            <select {...attributes} value={given.contract} onChange={(event) => setGiven((all) => ({ ...all, contract: event.currentTarget.value }))}>
              {[...new Set([...contracts, given.contract])].map((one) => (
                <option key={one} value={one}>
                  {safeLine(one)}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field name="contactEmail" label={words.contact} help={words.contactHelp} error={errors['contactEmail']}>
          {(attributes) => <input {...attributes} type="email" maxLength={256} {...input('contactEmail')} />}
        </Field>
        <Field name="publishers" label={words.publishers} help={words.publishersHelp} error={errors['publishers']}>
          {(attributes) => <textarea {...attributes} class="mono" rows={2} spellcheck={false} {...input('publishers')} />}
        </Field>
        <Field name="webhooks" label={words.webhooks} help={words.webhooksHelp} error={errors['webhooks']}>
          {(attributes) => <input {...attributes} inputMode="numeric" {...input('webhooks')} />}
        </Field>
        <Field name="requestsPerMinute" label={words.requests} help={words.requestsHelp} error={errors['requestsPerMinute']}>
          {(attributes) => <input {...attributes} inputMode="numeric" {...input('requestsPerMinute')} />}
        </Field>
        <Wrong text={errors['all']} />
      </form>
    </Dialog>
  );
}
