// The dialogs of what can be done with a webhook: a file of its own, loaded when one is asked for.

import { useState } from 'preact/hooks';

import { api, take } from '../../api/client';
import { asError } from '../../api/problem';
import { useTenant } from '../../lib/tenant';
import { Confirm } from '../../parts/dialog';
import { say } from '../../parts/toast';
import { texts } from '../../texts';
import { nameOf, vendorWords, type Webhook } from './data';
import { RotateDialog } from './rotate-dialog';
import { SecretDialog } from './secret-dialog';
import { TestDialog } from './test-dialog';

export type Question =
  | { kind: 'test'; webhook: Webhook }
  | { kind: 'remove'; webhook: Webhook }
  | { kind: 'rotate'; webhook: Webhook }
  | { kind: 'deactivate'; webhook: Webhook; waiting: { count: number; more: boolean } | undefined };

export interface DialogsProps {
  question: Question;
  onClose: () => void;
  onChanged: (webhook: Webhook) => void;
  onRemoved: (webhook: Webhook) => void;
  deactivate: (webhook: Webhook) => Promise<void>;
}

export function Dialogs({ question, onClose, onChanged, onRemoved, deactivate }: DialogsProps) {
  const { id: tenantId } = useTenant();
  const words = texts('webhook');
  const { webhook } = question;
  const remove = async (): Promise<void> => {
    await take(api.DELETE('/v1/tenants/{tenantId}/webhooks/{webhookId}', { params: { path: { tenantId, webhookId: webhook.id } } })).catch((thrown: unknown) => {
      // Somebody else has removed it.
      if (asError(thrown).status !== 404) throw thrown;
    });
    say(texts('webhooks').actions.removed(nameOf(webhook)));
    onRemoved(webhook);
  };
  switch (question.kind) {
    case 'test':
      return <TestDialog webhook={webhook} onClose={onClose} />;
    case 'rotate':
      return <Rotation webhook={webhook} onClose={onClose} onChanged={onChanged} />;
    case 'remove':
      return (
        <Decision title={words.remove.title(nameOf(webhook), vendorWords(webhook.contract).remove)} action={vendorWords(webhook.contract).removeAction} task={remove} onClose={onClose}>
          <p>{words.remove.permanent}</p>
          <p>{words.remove.kept}</p>
          <p>{words.remove.waiting}</p>
        </Decision>
      );
    case 'deactivate':
      return (
        <Decision title={words.deactivate.title(nameOf(webhook))} action={vendorWords(webhook.contract).deactivate} task={() => deactivate(webhook)} onClose={onClose}>
          <p>{question.waiting === undefined ? words.deactivate.unknown : words.deactivate.waiting(question.waiting.count, question.waiting.more)}</p>
          <p>{words.deactivate.effect}</p>
        </Decision>
      );
  }
}

/** The new secret is shown once, if it was generated. */
function Rotation({ webhook, onClose, onChanged }: { webhook: Webhook; onClose: () => void; onChanged: (webhook: Webhook) => void }) {
  const [secret, setSecret] = useState<string | undefined>();
  if (secret !== undefined) return <SecretDialog secret={secret} onClose={onClose} />;
  return (
    <RotateDialog
      webhook={webhook}
      onClose={onClose}
      onDone={(rotated, generated) => {
        onChanged(rotated);
        if (generated === undefined) onClose();
        else setSecret(generated);
      }}
    />
  );
}

/** Asks before something is lost; stays open with the error if the task fails. */
function Decision({ title, action, task, onClose, children }: { title: string; action: string; task: () => Promise<void>; onClose: () => void; children: preact.ComponentChildren }) {
  return (
    <Confirm title={title} action={action} onClose={onClose} onConfirm={() => task().then(onClose)}>
      {children}
    </Confirm>
  );
}
