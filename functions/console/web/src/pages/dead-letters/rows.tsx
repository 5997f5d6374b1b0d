// The table of dead letters, and what can be done with one.

import { useState } from 'preact/hooks';

import { api, take } from '../../api/client';
import { asError } from '../../api/problem';
import { can } from '../../api/session';
import type { DeadLetter } from '../../lib/dead-letters';
import { ofReason, short } from '../../lib/explanations';
import type { TypeNames, WebhookNames } from '../../lib/names';
import { now } from '../../lib/refresh';
import type { Pages } from '../../lib/resource';
import { safeLine } from '../../lib/safe-text';
import { useTenant } from '../../lib/tenant';
import { relative } from '../../lib/time';
import { Confirm } from '../../parts/dialog';
import { Hinted } from '../../parts/hint';
import { Icon } from '../../parts/icon';
import { ListTable } from '../../parts/list';
import { Menu, type MenuItem } from '../../parts/menu';
import { sentence } from '../../parts/state';
import { Status } from '../../parts/status';
import type { Column } from '../../parts/table';
import { Time } from '../../parts/time';
import { alarm, say } from '../../parts/toast';
import { base, texts } from '../../texts';

interface RowsProps {
  list: Pages<DeadLetter>;
  rows: DeadLetter[];
  names: WebhookNames;
  types: TypeNames;
  /** The address that shows one. */
  showing: (id: string) => string;
}

/** What a dead letter is of, for people. */
export function nameOf(letter: DeadLetter): string {
  return letter.eventType === undefined ? texts('deadLetters').message : safeLine(letter.eventType);
}

export function Rows({ list, rows, names, types, showing }: RowsProps) {
  const t = texts('deadLetters');
  const { id: tenantId, href } = useTenant();
  const [deleting, setDeleting] = useState<DeadLetter | null>(null);

  const redrive = async (letter: DeadLetter): Promise<void> => {
    try {
      const done = await take(
        api.POST('/v1/tenants/{tenantId}/dead-letters/{deadLetterId}/redrive', { params: { path: { tenantId, deadLetterId: letter.id } } }),
      );
      list.update((all) => all.map((one) => (one.id === letter.id ? { ...one, redrivenAt: new Date().toISOString() } : one)));
      say(done.eventId === undefined ? t.redone : t.redoneMessage);
    } catch (thrown) {
      alarm(sentence(asError(thrown)));
    }
  };
  const remove = async (letter: DeadLetter): Promise<void> => {
    await take(api.DELETE('/v1/tenants/{tenantId}/dead-letters/{deadLetterId}', { params: { path: { tenantId, deadLetterId: letter.id } } }));
    list.update((all) => all.filter(({ id }) => id !== letter.id));
    setDeleting(null);
    say(t.deleted);
  };

  return (
    <>
      <ListTable
        list={list}
        rows={rows}
        caption={t.caption}
        columns={columns({ names, types, showing, redrive, ask: setDeleting, href })}
        idOf={({ id }) => id}
        shown={t.count(rows.length)}
        fresh={t.fresh}
        wrap={(table) => <div class="wide-actions">{table}</div>}
      />
      {deleting !== null && (
        <Confirm
          title={t.deleteTitle}
          action={t.deleteConfirm}
          onClose={() => setDeleting(null)}
          onConfirm={() => remove(deleting)}
        >
          <p>
            <strong>{nameOf(deleting)}</strong>
            {deleting.webhookId !== undefined && ` · ${names.of(deleting.webhookId)}`}
          </p>
          <p>{deleting.kind === 'message' ? t.deleteMessageText : t.deleteText}</p>
        </Confirm>
      )}
    </>
  );
}

interface CellTools {
  names: WebhookNames;
  types: TypeNames;
  showing: (id: string) => string;
  redrive: (letter: DeadLetter) => Promise<void>;
  ask: (letter: DeadLetter) => void;
  href: (path: string) => string;
}

function columns(tools: CellTools): Column<DeadLetter>[] {
  const c = texts('deadLetters').columns;
  const { names, types, showing, href } = tools;
  return [
    {
      id: 'event',
      head: c.event,
      kind: 'name',
      cell: (letter) => (
        <span class="event-cell">
          <a class="cut" href={showing(letter.id)} data-hint={nameOf(letter)}>
            {nameOf(letter)}
          </a>
          {letter.eventType !== undefined && types.of(letter.eventType) !== undefined && (
            <span class="event-name soft small">{types.of(letter.eventType)}</span>
          )}
        </span>
      ),
    },
    {
      id: 'webhook',
      head: c.webhook,
      cell: ({ webhookId }) =>
        webhookId === undefined ? (
          '–'
        ) : (
          <a class="cut" tabIndex={-1} data-hint={names.of(webhookId)} href={href(`webhooks/${encodeURIComponent(webhookId)}`)}>
            {names.of(webhookId)}
          </a>
        ),
    },
    { id: 'reason', head: c.reason, cell: (letter) => <Reason letter={letter} /> },
    { id: 'last', head: c.last, cell: (letter) => lastOf(letter) },
    { id: 'attempts', head: c.attempts, number: true, cell: ({ attempts }) => attempts ?? '–' },
    { id: 'died', head: c.died, cell: ({ createdAt }) => <Time at={createdAt} /> },
    { id: 'actions', head: c.action, kind: 'actions', cell: (letter) => <Actions letter={letter} tools={tools} /> },
  ];
}

function Reason({ letter }: { letter: DeadLetter }) {
  const t = texts('deadLetters');
  const failures = texts('failures');
  if (letter.redrivenAt !== undefined) return <Status name="done" word={t.redriven(relative(Date.parse(letter.redrivenAt), now.value, base().time))} />;
  if (letter.erasedAt !== undefined) return <Status name="cancelled" word={t.erased} />;
  return <Hinted hint={ofReason(failures, letter.reason)}>{short(failures, safeLine(letter.reason))}</Hinted>;
}

export function lastOf({ lastResponseCode, lastError }: DeadLetter): string {
  const failures = texts('failures');
  if (lastResponseCode !== undefined) return failures.answered(lastResponseCode);
  return lastError === undefined ? '–' : short(failures, safeLine(lastError));
}

function Actions({ letter, tools }: { letter: DeadLetter; tools: CellTools }) {
  const t = texts('deadLetters');
  const name = nameOf(letter);
  const may = can('deliveries:retry');
  const items: MenuItem[] = [{ label: t.show, href: tools.showing(letter.id) }];
  if (letter.deliveryId !== undefined) items.push({ label: t.seeDelivery, href: tools.href(`deliveries/${encodeURIComponent(letter.deliveryId)}`) });
  if (may) items.push({ label: t.delete, danger: true, onSelect: () => tools.ask(letter) });
  return (
    <span class="row-actions">
      {may && letter.redrivenAt === undefined && letter.erasedAt === undefined && (
        <button type="button" class="button small-button" aria-label={t.redriveOf(name)} onClick={() => void tools.redrive(letter)}>
          {t.redrive}
        </button>
      )}
      <Menu label={base().words.actionsFor(name)} button={<Icon name="more" />} items={items} />
    </span>
  );
}
