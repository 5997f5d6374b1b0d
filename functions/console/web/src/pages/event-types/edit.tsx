// An entry of the catalogue: made, changed, deleted. Only the operator gets here.

import { useEffect, useRef, useState } from 'preact/hooks';

import { api, take, takeWithTag } from '../../api/client';
import { asError } from '../../api/problem';
import type { EventTypeEntry } from '../../lib/catalogue';
import { merge } from '../../lib/merge';
import { readJson } from '../../lib/typed-json';
import { safeLine } from '../../lib/safe-text';
import { Confirm, Dialog } from '../../parts/dialog';
import { Field, focusField } from '../../parts/field';
import { mistakesIn } from '../../parts/state';
import { Wrong } from '../../parts/status';
import { say } from '../../parts/toast';
import { base, texts } from '../../texts';

interface Props {
  /** Undefined: a new one. */
  entry?: EventTypeEntry;
  known: EventTypeEntry[];
  onClose: () => void;
  onSaved: () => void;
}

const givenOf = (entry: EventTypeEntry | undefined) => ({
  type: entry?.type ?? '',
  name: entry?.name ?? '',
  group: entry?.group ?? '',
  description: entry?.description ?? '',
  example: entry?.example === undefined ? '' : JSON.stringify(entry.example, null, 2),
});

const read = (eventType: string): Promise<{ entry: EventTypeEntry; etag?: string }> => takeWithTag(api.GET('/v1/event-types/{eventType}', { params: { path: { eventType } } })).then(({ data, etag }) => ({ entry: data, etag }));

export function EditEventType({ entry, known, onClose, onSaved }: Props) {
  const words = texts('eventTypes');
  const form = useRef<HTMLFormElement>(null);
  const [before, setBefore] = useState<{ entry?: EventTypeEntry; etag?: string }>({ entry });
  const [given, setGiven] = useState(() => givenOf(entry));
  const [errors, setErrors] = useState<Record<string, string>>({});
  const [busy, setBusy] = useState(false);
  const change = (part: Partial<typeof given>): void => setGiven((before) => ({ ...before, ...part }));
  const refuse = (found: Record<string, string>): void => {
    setErrors(found);
    const [first] = Object.keys(found);
    if (first !== undefined) requestAnimationFrame(() => focusField(form.current, first));
  };
  /** What somebody else has saved meanwhile comes into the form, except where something is typed. */
  const takeOver = async (of: string): Promise<{ changed: string[]; etag?: string }> => {
    const theirs = await read(of);
    const [was, is] = [givenOf(before.entry), givenOf(theirs.entry)];
    setBefore(theirs);
    // What has been typed while it was read stays, too.
    setGiven((mine) => merge(was, mine, is).given);
    return { changed: merge(was, was, is).changed, etag: theirs.etag };
  };
  useEffect(() => {
    // The list has no version of each entry; it may be older than the entry, too.
    if (entry !== undefined) void takeOver(entry.type).catch(() => undefined);
  }, []);
  const save = async (): Promise<void> => {
    if (busy) return;
    const type = given.type.trim();
    if (type === '') return refuse({ type: base().fields.required });
    if (entry === undefined && known.some((one) => one.type === type)) return refuse({ type: words.form.taken });
    const example = given.example.trim() === '' ? undefined : readJson(given.example);
    if (example !== undefined && 'wrong' in example) return refuse({ example: words.form.badJson(example.wrong) });
    setBusy(true);
    setErrors({});
    const { name, group, description } = given;
    const body = { ...(name !== '' && { name }), ...(group !== '' && { group }), ...(description !== '' && { description }), ...(example !== undefined && { example: example.value }) };
    const conflict = (changed: string[]): void => refuse({ all: base().states.merged(changed.map((name) => words.form[name as keyof ReturnType<typeof givenOf>]).join(', ')) });
    try {
      let { etag } = before;
      if (entry !== undefined && etag === undefined) {
        // The first read has failed or goes on: without a version, the change of another would be lost.
        const now = await takeOver(type);
        if (now.changed.length > 0) {
          setBusy(false);
          return conflict(now.changed);
        }
        etag = now.etag;
      }
      const guard = entry === undefined ? { 'If-None-Match': '*' } : etag === undefined ? {} : { 'If-Match': etag };
      await take(api.PUT('/v1/event-types/{eventType}', { params: { path: { eventType: type }, header: guard }, body }));
      say(words.saved);
      onSaved();
      onClose();
    } catch (thrown) {
      const error = asError(thrown);
      if (error.status === 412 && entry === undefined) refuse({ type: words.form.taken });
      else if (error.status === 412) {
        const { changed } = await takeOver(type).catch(() => ({ changed: [] as string[] }));
        conflict(changed);
      } else refuse(mistakesIn(error, (path) => (path === 'eventType' ? 'type' : (path.split('.')[0] ?? path))));
      setBusy(false);
    }
  };
  const groups = [...new Set(known.flatMap((one) => one.group ?? []))];
  return (
    <Dialog
      wide
      title={entry === undefined ? words.add : words.edit}
      onClose={onClose}
      foot={
        <>
          <button type="button" class="button" onClick={onClose}>
            {base().words.cancel}
          </button>
          <button type="submit" form="event-type" class="button primary" aria-disabled={busy}>
            {words.form.save}
          </button>
        </>
      }
    >
      <form
        id="event-type"
        ref={form}
        class="stack"
        autocomplete="off"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <Field name="type" label={words.form.type} help={words.form.typeHelp} required error={errors['type']}>
          {(attributes) => <input {...attributes} class="mono" readOnly={entry !== undefined} data-autofocus={entry === undefined || undefined} maxLength={256} value={given.type} onInput={(event) => change({ type: event.currentTarget.value })} />}
        </Field>
        <Field name="name" label={words.form.name} error={errors['name']}>
          {(attributes) => <input {...attributes} data-autofocus={entry !== undefined || undefined} maxLength={1024} value={given.name} onInput={(event) => change({ name: event.currentTarget.value })} />}
        </Field>
        <Field name="group" label={words.form.group} help={words.form.groupHelp} error={errors['group']}>
          {(attributes) => <input {...attributes} list="event-type-groups" maxLength={1024} value={given.group} onInput={(event) => change({ group: event.currentTarget.value })} />}
        </Field>
        <datalist id="event-type-groups">
          {groups.map((group) => (
            <option key={group} value={group} />
          ))}
        </datalist>
        <Field name="description" label={words.form.description} help={words.form.descriptionHelp} error={errors['description']}>
          {(attributes) => <textarea {...attributes} rows={2} maxLength={1024} value={given.description} onInput={(event) => change({ description: event.currentTarget.value })} />}
        </Field>
        <Field name="example" label={words.form.example} help={words.form.exampleHelp} error={errors['example']}>
          {(attributes) => <textarea {...attributes} class="mono" rows={8} spellcheck={false} value={given.example} onInput={(event) => change({ example: event.currentTarget.value })} />}
        </Field>
        <Wrong text={errors['all']} />
      </form>
    </Dialog>
  );
}

export function RemoveEventType({ entry, onClose, onRemoved }: { entry: EventTypeEntry; onClose: () => void; onRemoved: () => void }) {
  const words = texts('eventTypes');
  const remove = async (): Promise<void> => {
    await take(api.DELETE('/v1/event-types/{eventType}', { params: { path: { eventType: entry.type } } }));
    say(words.removed);
    onRemoved();
    onClose();
  };
  return (
    <Confirm title={words.removeTitle(safeLine(entry.type))} action={words.remove} onConfirm={remove} onClose={onClose}>
      <p>{words.removeText}</p>
    </Confirm>
  );
}
