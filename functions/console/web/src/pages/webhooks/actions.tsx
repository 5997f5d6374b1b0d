// What can be done with a webhook: the same in the list and on its page.

import type { ComponentType } from 'preact';
import { useState } from 'preact/hooks';

import { asError } from '../../api/problem';
import { can } from '../../api/session';
import { factsOf } from '../../lib/contract-facts';
import { segment } from '../../lib/place';
import { useTenant } from '../../lib/tenant';
import { Icon } from '../../parts/icon';
import { Menu, type MenuItem } from '../../parts/menu';
import { sentence } from '../../parts/state';
import { Status } from '../../parts/status';
import { alarm, say } from '../../parts/toast';
import { base, loadPart, texts } from '../../texts';
import { change, nameOf, statusOf, statusWord, vendorWays, vendorWords, waitingFor, type Webhook } from './data';
import type { DialogsProps, Question } from './dialogs';

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
  const [asked, setAsked] = useState<{ question: Question; Dialogs: ComponentType<DialogsProps> } | null>(null);

  const ask = async (question: Question): Promise<void> => {
    const [{ Dialogs }] = await Promise.all([import('./dialogs'), loadPart('webhook')]);
    setAsked({ question, Dialogs });
  };
  const set = async (webhook: Webhook, active: boolean): Promise<void> => {
    onChanged(await change(tenantId, webhook.id, { active }));
    say(active ? words.actions.activated(nameOf(webhook)) : words.actions.deactivated(nameOf(webhook)));
  };
  const toggle = async (webhook: Webhook): Promise<void> => {
    if (webhook.active) {
      // Without the right to read deliveries nobody knows, so the question is asked.
      const waiting = can('deliveries:read') ? await waitingFor(tenantId, webhook.id) : undefined;
      if (waiting === undefined || waiting.count > 0) return ask({ kind: 'deactivate', webhook, waiting });
    }
    return set(webhook, !webhook.active);
  };
  const attempt = (task: Promise<void>): void => void task.catch((thrown: unknown) => alarm(sentence(asError(thrown))));
  return {
    test: (webhook) => attempt(ask({ kind: 'test', webhook })),
    remove: (webhook) => attempt(ask({ kind: 'remove', webhook })),
    rotate: (webhook) => attempt(ask({ kind: 'rotate', webhook })),
    toggle: (webhook) => attempt(toggle(webhook)),
    dialogs: asked !== null && <asked.Dialogs question={asked.question} onClose={() => setAsked(null)} onChanged={onChanged} onRemoved={onRemoved} deactivate={(webhook) => set(webhook, false)} />,
  };
}

/** The status as a menu button: the same switch as in the row's menu. */
export function StatusMenu({ webhook, actions }: { webhook: Webhook; actions: Actions }) {
  const words = texts('webhooks');
  const vendor = vendorWords(webhook.contract);
  const status = <Status name={statusOf(webhook)} />;
  if (!can('webhooks:write')) return status;
  const label = webhook.active ? vendor.deactivate : vendor.activate;
  const hover = vendorWays(webhook.contract).togglesByHover === true;
  return (
    <Menu
      start
      hover={hover}
      label={words.list.statusMenu(nameOf(webhook), statusWord(webhook))}
      hint={hover ? undefined : label}
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

/** `inList`: in the row of the list, not on the webhook's own page. */
export function RowMenu({ webhook, actions, inList }: { webhook: Webhook; actions: Actions; inList: boolean }) {
  const { href } = useTenant();
  const words = texts('webhooks');
  const vendor = vendorWords(webhook.contract);
  const path = `webhooks/${segment(webhook.id)}`;
  const write = can('webhooks:write');
  const items: (MenuItem | false)[] = [
    inList && vendorWays(webhook.contract).editsByName === true && { label: words.actions.details, href: href(path) },
    write && { label: words.actions.edit, href: href(`${path}/edit`) },
    write && webhook.active && { label: vendor.test, onSelect: () => actions.test(webhook) },
    write && { label: webhook.active ? vendor.deactivate : vendor.activate, onSelect: () => actions.toggle(webhook) },
    can('deliveries:read') && { label: words.actions.log, href: href(`${path}?tab=log`) },
    write && factsOf(webhook.contract).signs && { label: words.actions.rotate, onSelect: () => actions.rotate(webhook) },
    write && { label: vendor.remove, danger: true, onSelect: () => actions.remove(webhook) },
  ];
  const shown = items.filter((item): item is MenuItem => item !== false);
  if (shown.length === 0) return null;
  const menu = <Menu label={base().words.actionsFor(nameOf(webhook))} button={<Icon name="more" />} items={shown} />;
  if (!inList || !write || vendorWays(webhook.contract).testsAtOnce !== true) return menu;
  return (
    <span class="row-actions">
      <button
        type="button"
        class="button small-button"
        aria-label={words.list.testOf(vendor.test, nameOf(webhook))}
        aria-disabled={!webhook.active || undefined}
        data-hint={webhook.active ? undefined : words.list.noTestWhileOff}
        onClick={() => webhook.active && actions.test(webhook)}
      >
        {vendor.test}
      </button>
      {menu}
    </span>
  );
}
