// What can be done with a webhook: the same in the list and on its page.

import { useState } from 'preact/hooks';

import { api, take } from '../../api/client';
import { asError } from '../../api/problem';
import { can } from '../../api/session';
import { factsOf } from '../../lib/contract-facts';
import { segment } from '../../lib/place';
import { useTenant } from '../../lib/tenant';
import { Confirm } from '../../parts/dialog';
import { Icon } from '../../parts/icon';
import { Menu, type MenuItem } from '../../parts/menu';
import { sentence } from '../../parts/state';
import { Status } from '../../parts/status';
import { alarm, say } from '../../parts/toast';
import { base, texts } from '../../texts';
import { change, nameOf, statusOf, statusWord, vendorWords, waitingFor, type Webhook } from './data';
import { RotateDialog } from './rotate-dialog';
import { SecretDialog } from './secret-dialog';
import { TestDialog } from './test-dialog';

type Question =
  | { kind: 'test'; webhook: Webhook }
  | { kind: 'remove'; webhook: Webhook }
  | { kind: 'rotate'; webhook: Webhook }
  | { kind: 'deactivate'; webhook: Webhook; waiting: { count: number; more: boolean } | undefined }
  | { kind: 'secret'; secret: string };

export interface Actions {
  /** Ask, or do at once what loses nothing. */
  test: (webhook: Webhook) => void;
  remove: (webhook: Webhook) => void;
  rotate: (webhook: Webhook) => void;
  toggle: (webhook: Webhook) => void;
  dialogs: preact.ComponentChildren;
}

interface Handlers {
  onChanged: (webhook: Webhook) => void;
  onRemoved: (webhook: Webhook) => void;
}

export function useActions({ onChanged, onRemoved }: Handlers): Actions {
  const { id: tenantId } = useTenant();
  const words = texts('webhooks');
  const [question, setQuestion] = useState<Question | null>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | undefined>();

  const ask = (next: Question | null): void => {
    setError(undefined);
    setQuestion(next);
  };
  const set = async (webhook: Webhook, active: boolean): Promise<void> => {
    onChanged(await change(tenantId, webhook.id, { active }));
    say(active ? words.actions.activated(nameOf(webhook)) : words.actions.deactivated(nameOf(webhook)));
  };
  const toggle = async (webhook: Webhook): Promise<void> => {
    try {
      if (webhook.active) {
        // Without the right to read deliveries nobody knows, so the question is asked.
        const waiting = can('deliveries:read') ? await waitingFor(tenantId, webhook.id) : undefined;
        if (waiting === undefined || waiting.count > 0) {
          ask({ kind: 'deactivate', webhook, waiting });
          return;
        }
      }
      await set(webhook, !webhook.active);
    } catch (thrown) {
      alarm(sentence(asError(thrown)));
    }
  };
  const confirmed = async (task: () => Promise<void>): Promise<void> => {
    setBusy(true);
    setError(undefined);
    try {
      await task();
      setQuestion(null);
    } catch (thrown) {
      setError(sentence(asError(thrown)));
    } finally {
      setBusy(false);
    }
  };
  const removeNow = (webhook: Webhook) => async (): Promise<void> => {
    await take(api.DELETE('/v1/tenants/{tenantId}/webhooks/{webhookId}', { params: { path: { tenantId, webhookId: webhook.id } } })).catch((thrown: unknown) => {
      // Somebody else has removed it.
      if (asError(thrown).status !== 404) throw thrown;
    });
    say(words.actions.removed(nameOf(webhook)));
    onRemoved(webhook);
  };
  const close = (): void => ask(null);
  const dialogs =
    question === null ? null : question.kind === 'test' ? (
      <TestDialog webhook={question.webhook} onClose={close} />
    ) : question.kind === 'rotate' ? (
      <RotateDialog
        webhook={question.webhook}
        onClose={close}
        onDone={(webhook, secret) => {
          onChanged(webhook);
          ask(secret === undefined ? null : { kind: 'secret', secret });
        }}
      />
    ) : question.kind === 'secret' ? (
      <SecretDialog secret={question.secret} onClose={close} />
    ) : question.kind === 'remove' ? (
      <Confirm title={words.remove.title(nameOf(question.webhook))} action={vendorWords(question.webhook.contract).removeAction} busy={busy} error={error} onClose={close} onConfirm={() => void confirmed(removeNow(question.webhook))}>
        <p>{words.remove.permanent}</p>
        <p>{words.remove.kept}</p>
        <p>{words.remove.waiting}</p>
      </Confirm>
    ) : (
      <Confirm
        title={words.deactivate.title(nameOf(question.webhook))}
        action={words.vendor.deactivate}
        busy={busy}
        error={error}
        onClose={close}
        onConfirm={() => void confirmed(() => set(question.webhook, false))}
      >
        <p>{question.waiting === undefined ? words.deactivate.unknown : words.deactivate.waiting(question.waiting.count, question.waiting.more)}</p>
        <p>{words.deactivate.effect}</p>
      </Confirm>
    );
  return { test: (webhook) => ask({ kind: 'test', webhook }), remove: (webhook) => ask({ kind: 'remove', webhook }), rotate: (webhook) => ask({ kind: 'rotate', webhook }), toggle: (webhook) => void toggle(webhook), dialogs };
}

/** The status as a menu button: the same switch as in the row's menu. */
export function StatusMenu({ webhook, actions }: { webhook: Webhook; actions: Actions }) {
  const words = texts('webhooks');
  const vendor = vendorWords(webhook.contract);
  const status = <Status name={statusOf(webhook)} />;
  if (!can('webhooks:write')) return status;
  const label = webhook.active ? vendor.deactivate : vendor.activate;
  return (
    <Menu
      start
      label={words.list.statusMenu(nameOf(webhook), statusWord(webhook))}
      hint={label}
      buttonClass="status-button"
      button={
        <>
          {status}
          <Icon name="down" />
        </>
      }
      items={[{ label, onSelect: () => actions.toggle(webhook) }]}
    />
  );
}

export function RowMenu({ webhook, actions, details }: { webhook: Webhook; actions: Actions; details: boolean }) {
  const { href } = useTenant();
  const words = texts('webhooks');
  const vendor = vendorWords(webhook.contract);
  const path = `webhooks/${segment(webhook.id)}`;
  const write = can('webhooks:write');
  const items: (MenuItem | false)[] = [
    details && { label: words.actions.details, href: href(path) },
    write && { label: words.actions.edit, href: href(`${path}/edit`) },
    write && webhook.active && { label: vendor.test, onSelect: () => actions.test(webhook) },
    write && { label: webhook.active ? vendor.deactivate : vendor.activate, onSelect: () => actions.toggle(webhook) },
    can('deliveries:read') && { label: words.actions.log, href: href(`${path}?tab=log`) },
    write && factsOf(webhook.contract).signs && { label: words.actions.rotate, onSelect: () => actions.rotate(webhook) },
    write && { label: vendor.remove, danger: true, onSelect: () => actions.remove(webhook) },
  ];
  const shown = items.filter((item): item is MenuItem => item !== false);
  return shown.length === 0 ? null : <Menu label={base().words.actionsFor(nameOf(webhook))} button={<Icon name="more" />} items={shown} />;
}
