// Somebody else was faster: what they have changed, beside what is typed here.

import { safeLine } from '../../lib/safe-text';
import { Notice } from '../../parts/status';
import { base, texts } from '../../texts';
import { vendorWords, type Webhook } from '../webhooks/data';
import { type Draft, draftOf, type DraftField, differences } from './draft';

interface Props {
  before: Webhook;
  theirs: Webhook;
  draft: Draft;
  onLoad: () => void;
  onSave: () => void;
}

export function Conflict({ before, theirs, draft, onLoad, onSave }: Props) {
  const words = texts('webhookForm');
  const [was, is] = [draftOf(before), draftOf(theirs)];
  const changed = differences(was, is);
  const mine = differences(was, draft);
  const names = namesOf(theirs.contract);
  return (
    <Notice
      tone="warn"
      role="alert"
      action={
        <span class="row">
          <button type="button" class="button" onClick={onLoad}>
            {words.conflictLoad}
          </button>
          <button type="button" class="button" onClick={onSave}>
            {words.conflictSave}
          </button>
        </span>
      }
    >
      <strong>{words.conflictTitle}</strong>
      {changed.length === 0 ? (
        <p>{words.conflictHidden}</p>
      ) : (
        <ul class="plain-list">
          {changed.map((field) => (
            <li key={field}>
              {words.conflictField(names[field], textOf(was, field), textOf(is, field))}
              {mine.includes(field) && <strong> {words.conflictMine(textOf(draft, field))}</strong>}
            </li>
          ))}
        </ul>
      )}
      <p>{words.conflictText}</p>
    </Notice>
  );
}

function namesOf(contract: string): Record<DraftField, string> {
  const words = texts('webhookForm');
  const vendor = vendorWords(contract);
  return { name: vendor.name, url: vendor.url, events: vendor.events, active: words.active, basicAuth: words.basicAuth, contract: words.contract, timeout: words.timeout, delays: words.delays, headers: words.headers };
}

function textOf(draft: Draft, field: DraftField): string {
  const { none, yes, no } = base().words;
  const text = (value: string): string => (value.trim() === '' ? none : safeLine(value.trim()));
  switch (field) {
    case 'events':
      return text(draft.events.join(', '));
    case 'headers':
      return text(draft.headers.map((header) => header.name).join(', '));
    case 'active':
      return draft.active ? yes : no;
    case 'basicAuth':
      return draft.basicAuth ? text(draft.username) : no;
    default:
      return text(draft[field]);
  }
}
