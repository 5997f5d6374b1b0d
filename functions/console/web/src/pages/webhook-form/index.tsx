// Create and edit: the same fields. Secrets are write-only.

import { useLocation } from 'preact-iso';
import { useState } from 'preact/hooks';

import '../webhooks/webhooks.css';
import type { PageProps } from '../../app';
import { api, take } from '../../api/client';
import { can, me } from '../../api/session';
import { catalogueOf } from '../../lib/catalogue';
import { factsOf } from '../../lib/contract-facts';
import type { CatalogueType } from '../../lib/event-filters';
import { unsaved, useUnsaved } from '../../lib/leave';
import { segment } from '../../lib/place';
import { useResource } from '../../lib/resource';
import { safeLine } from '../../lib/safe-text';
import { useTenant } from '../../lib/tenant';
import { Check } from '../../parts/check';
import { Field } from '../../parts/field';
import { Page } from '../../parts/page';
import { Failed, Read, sentence } from '../../parts/state';
import { Notice } from '../../parts/status';
import { alarm, say } from '../../parts/toast';
import { base, texts } from '../../texts';
import { INBOX, vendorWays, vendorWords, type Webhook } from '../webhooks/data';
import { SecretChoice } from '../webhooks/rotate-dialog';
import { SecretDialog } from '../webhooks/secret-dialog';
import { Advanced } from './advanced';
import { Conflict } from './conflict';
import { hostChanges } from './draft';
import { EventPicker } from './event-picker';
import { type Editing, read, useForm } from './use-form';

interface Given {
  editing?: Editing;
  catalogue: CatalogueType[];
  catalogueFailed: boolean;
  contracts: string[];
}

const isOperator = (): boolean => me.value !== null && me.value.tenantId === undefined;

async function contractNames(signal: AbortSignal): Promise<string[]> {
  if (!isOperator()) return [];
  const answer = await take(api.GET('/v1/contracts', { params: { query: { limit: 250 } }, signal }));
  return answer.items.map((contract) => contract.name);
}

export default function WebhookFormPage({ params }: PageProps) {
  const tenant = useTenant();
  const id = params['id'];
  const given = useResource<Given>(
    `form ${tenant.id} ${id ?? ''}`,
    async (signal) => {
      const [editing, catalogue, contracts] = await Promise.all([id === undefined ? undefined : read(tenant.id, id, signal), catalogueOf(signal).catch((): undefined => undefined), contractNames(signal).catch((): string[] => [])]);
      return { editing, catalogue: catalogue ?? [], catalogueFailed: catalogue === undefined, contracts };
    },
    { refresh: false },
  );
  const back = { href: tenant.href('webhooks'), label: texts('webhooks').title };
  const vendor = vendorWords(given.data?.editing?.webhook.contract ?? tenant.contract);
  const title = id === undefined ? vendor.createTitle : vendor.editTitle;
  if (!can('webhooks:write')) {
    return (
      <Page title={title} back={back}>
        <Notice tone="warn" role="alert">
          {base().states.forbiddenText('webhooks:write')}
        </Notice>
      </Page>
    );
  }
  return (
    <Page title={title} back={back} actions={id === undefined ? undefined : <a href={tenant.href(`webhooks/${segment(id)}`)}>{texts('webhooks').actions.details}</a>}>
      {/* The tenant's contract decides the words, so the form waits for it in the console. */}
      <Read from={given} rows={8} back={<a href={back.href}>{back.label}</a>}>
        {(data) => <Form key={data.editing?.webhook.id ?? 'new'} given={data} />}
      </Read>
    </Page>
  );
}

function Form({ given }: { given: Given }) {
  const tenant = useTenant();
  const { route } = useLocation();
  const words = texts('webhooks');
  const formWords = texts('webhookForm');
  const contract = tenant.contract ?? 'standard';
  const [created, setCreated] = useState<{ webhook: Webhook; secret: string } | null>(null);
  const go = (webhook: Webhook): void => {
    unsaved.value = false;
    route(tenant.href(given.editing === undefined ? `webhooks/${segment(webhook.id)}` : 'webhooks'));
  };
  const form = useForm(tenant.id, contract, given.editing, (webhook, secret, repeated) => {
    if (secret !== undefined) {
      setCreated({ webhook, secret });
      return;
    }
    if (given.editing === undefined && repeated && factsOf(webhook.contract).signs && given.contracts.length === 0) alarm(formWords.repeated);
    else say(words.actions.saved);
    go(webhook);
  });
  const { draft, set, errors, failure } = form;
  const vendor = vendorWords(draft.contract);
  const before = form.opened?.webhook;
  useUnsaved(form.dirty && created === null);

  const idle = before !== undefined && !form.dirty;
  const isHttp = /^http:/i.test(draft.url.trim());
  const dropsSecrets = before !== undefined && (before.basicAuth !== undefined || before.headers !== undefined) && hostChanges(before.url, draft.url);
  const last = vendorWays(draft.contract).eventsLast === true;
  const events = <EventPicker label={vendor.events} describe={vendor.description} catalogue={given.catalogue} failed={given.catalogueFailed} filters={draft.events} onChange={(filters) => set({ events: filters })} error={errors['events']} />;
  const active = (
      <div data-field="active">
        <Check as="switch" label={formWords.active} help={formWords.activeHelp} checked={draft.active} onChange={(active) => set({ active })} />
      </div>
  );
  return (
    <form
      class="stack form"
      noValidate
      ref={form.refs.form}
      onSubmit={(event) => {
        event.preventDefault();
        if (!idle) void form.save();
      }}
    >
      <Summary errors={errors} labels={{ name: vendor.name, url: vendor.url, events: vendor.events }} focus={form.focus} />
      <Field label={vendor.name} name="name" required help={formWords.nameHelp} error={errors['name']}>
        {(attributes) => <input {...attributes} type="text" maxLength={256} autocomplete="off" value={draft.name} onInput={(event) => set({ name: event.currentTarget.value })} />}
      </Field>
      <Field label={vendor.url} name="url" required help={draft.url.trim() === INBOX ? undefined : formWords.urlHelp} error={errors['url']}>
        {(attributes) => <input {...attributes} class="mono" type="text" inputMode="url" maxLength={2048} placeholder="https://" autocomplete="off" spellcheck={false} value={draft.url} onInput={(event) => set({ url: event.currentTarget.value })} />}
      </Field>
      {draft.url.trim() === INBOX ? (
        <div class="row">
          <button type="button" class="button" onClick={() => set({ url: '' })}>
            {formWords.useOwn}
          </button>
          <span class="help">
            {words.list.isInbox} {formWords.inboxHelp}
          </span>
        </div>
      ) : (
        before === undefined && (
          <div class="row">
            <button type="button" class="button" onClick={() => set({ url: INBOX })}>
              {formWords.useInbox}
            </button>
            <span class="help">{formWords.inboxHelp}</span>
          </div>
        )
      )}
      {isHttp && <Notice tone="warn">{formWords.httpWarning}</Notice>}
      {dropsSecrets && <Notice tone="warn">{formWords.hostChanges}</Notice>}
      {!last && events}
      <Secret form={form} before={before} />
      {last && active}
      {last && events}
      <BasicAuth form={form} before={before} />
      <Advanced draft={draft} errors={errors} contracts={given.contracts} onChange={set} />
      {!last && active}
      {failure !== undefined && <Failure form={form} />}
      <div class="form-foot">
        {idle && (
          <span class="soft small" id="unchanged">
            {formWords.unchanged}
          </span>
        )}
        <a class="button" href={tenant.href('webhooks')}>
          {base().words.cancel}
        </a>
        <button type="submit" class="button primary" aria-disabled={form.busy || idle} aria-describedby={idle ? 'unchanged' : undefined}>
          {before !== undefined ? vendor.save : draft.active ? vendor.create : vendor.createOff}
        </button>
      </div>
      {created !== null && <SecretDialog secret={created.secret} onClose={() => go(created.webhook)} />}
    </form>
  );
}

type FormState = ReturnType<typeof useForm>;

function Secret({ form, before }: { form: FormState; before: Webhook | undefined }) {
  const words = texts('webhookForm');
  const facts = factsOf(form.draft.contract);
  if (!facts.signs) return <p class="help">{words.secretUnsigned}</p>;
  if (before !== undefined) return <p class="help">{words.secretSet}</p>;
  return <SecretChoice own={form.own} onOwn={form.setOwn} facts={facts} error={form.errors['secret']} inputRef={form.refs.secret} onInput={form.touch} />;
}

function Summary({ errors, labels, focus }: { errors: Record<string, string>; labels: Record<string, string>; focus: (field: string) => void }) {
  const words = texts('webhookForm');
  const fields = Object.entries(errors);
  if (fields.length === 0) return null;
  return (
    <div class="notice tone-bad" role="alert">
      <div class="notice-body stack-small">
        <strong>{words.summaryTitle(fields.length)}</strong>
        <ul class="plain-list">
          {fields.map(([field, text]) => (
            <li key={field}>
              <button type="button" class="button plain" onClick={() => focus(field)}>
                {labels[field] === undefined ? text : `${labels[field]}: ${text}`}
              </button>
            </li>
          ))}
        </ul>
      </div>
    </div>
  );
}

function BasicAuth({ form, before }: { form: FormState; before: Webhook | undefined }) {
  const words = texts('webhookForm');
  const { draft, set, errors } = form;
  const isSet = before?.basicAuth !== undefined && !hostChanges(before.url, draft.url);
  return (
    <fieldset class="stack-small" data-field="basicAuth">
      <legend class="visually-hidden">{words.basicAuth}</legend>
      <Check as="switch" label={words.basicAuth} help={words.basicAuthHelp} checked={draft.basicAuth} onChange={(basicAuth) => set({ basicAuth })} />
      {draft.basicAuth && (
        <>
          <Field label={words.username} name="basicAuth.username" required error={errors['basicAuth.username'] ?? errors['basicAuth']}>
            {(attributes) => <input {...attributes} type="text" maxLength={512} autocomplete="off" spellcheck={false} value={draft.username} onInput={(event) => set({ username: event.currentTarget.value })} />}
          </Field>
          <Field label={words.password} name="basicAuth.password" required={!isSet} help={isSet ? words.passwordSet : undefined} error={errors['basicAuth.password']}>
            {(attributes) => <input {...attributes} ref={form.refs.password} type="password" maxLength={512} autocomplete="new-password" onInput={form.touch} />}
          </Field>
        </>
      )}
    </fieldset>
  );
}

function Failure({ form }: { form: FormState }) {
  const error = form.failure;
  if (error === undefined) return null;
  const { opened, theirs } = form;
  if (error.kind === 'conflict' && opened !== undefined && theirs !== undefined) {
    return <Conflict before={opened.webhook} theirs={theirs.webhook} draft={form.draft} onLoad={form.loadTheirs} onSave={() => void form.save(true)} />;
  }
  if (error.kind === 'server' || error.kind === 'other') return <Failed error={error} onRetry={() => void form.save()} />;
  return (
    <Notice tone="bad" role="alert">
      {error.code === 'webhook_limit' ? safeLine(error.message) : sentence(error)}
    </Notice>
  );
}
