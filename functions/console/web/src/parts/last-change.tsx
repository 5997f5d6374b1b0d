// Who changed a webhook last, and what: one line.

import type { components } from '../api/schema';
import { safeLine } from '../lib/safe-text';
import { locale, texts } from '../texts';

type Change = components['schemas']['WebhookChange'];

export function LastChange({ change: { at, by, changed } }: { change: Change }) {
  const t = texts('change');
  const time = new Intl.DateTimeFormat(locale(), { dateStyle: 'medium', timeStyle: 'short' }).format(Date.parse(at));
  const who = by.kind === 'key' ? t.byKey(safeLine(by.name ?? by.id ?? '')) : (t.by[by.kind] ?? safeLine(by.kind));
  return (
    <p class="soft small">
      {t.changed} <time dateTime={at}>{time}</time>, {who}: {changed.map((member) => t.members[member] ?? safeLine(member)).join(', ')}
    </p>
  );
}
