// Over the page: the session has ended, or ends soon, or unsaved work would be lost.

import { useEffect, useRef, useState } from 'preact/hooks';

import { asError } from '../api/problem';
import { codeOf, exchange, expired, expiring, me, session } from '../api/session';
import { embedded, tellHost } from '../lib/embed';
import { leaving, unsaved } from '../lib/leave';
import { place } from '../lib/place';
import { now, refreshNow } from '../lib/refresh';
import { safeLine } from '../lib/safe-text';
import { Confirm, Dialog } from '../parts/dialog';
import { Field } from '../parts/field';
import { sentence } from '../parts/state';
import { base } from '../texts';
import { SignIn } from './entry';

function NewLink() {
  const words = base().entry;
  const input = useRef<HTMLInputElement>(null);
  const [error, setError] = useState<string | undefined>();
  const [busy, setBusy] = useState(false);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const code = codeOf(input.current?.value ?? '');
    if (code === undefined) {
      setError(words.badLink);
      input.current?.focus();
      return;
    }
    if (busy) return;
    setBusy(true);
    setError(undefined);
    try {
      await exchange(code);
      await refreshNow();
    } catch (thrown) {
      const problem = asError(thrown);
      setError(problem.status === 410 ? words.usedText : sentence(problem));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form class="stack" onSubmit={(event) => void submit(event)}>
      <Field label={words.link} name="link" error={error} required>
        {(attributes) => <input {...attributes} ref={input} type="text" autocomplete="off" spellcheck={false} data-autofocus />}
      </Field>
      <div class="row end">
        <button type="submit" class="button primary" aria-disabled={busy}>
          {words.goOn}
        </button>
      </div>
    </form>
  );
}

function Expired() {
  const words = base().entry;
  const name = me.value?.tenantName;
  return (
    <Dialog title={words.expiredTitle} plain onClose={() => undefined}>
      {place.kind === 'console' ? (
        <SignIn autofocus />
      ) : (
        <>
          <p>{words.expiredText}</p>
          {name !== undefined && <p>{words.expiredFrom(safeLine(name))}</p>}
          <NewLink />
        </>
      )}
    </Dialog>
  );
}

function Expiring({ end, onClose }: { end: number; onClose: () => void }) {
  const words = base().entry;
  const seconds = Math.max(0, Math.round((end - now.value) / 1000));
  return (
    <Dialog
      title={words.expiringTitle}
      onClose={onClose}
      foot={
        <button type="button" class="button" onClick={onClose}>
          {words.stay}
        </button>
      }
    >
      <p>{words.expiringText(seconds)}</p>
      {place.kind === 'console' ? <SignIn /> : <NewLink />}
    </Dialog>
  );
}

export function SessionDialogs() {
  const end = session.value?.expiresAt === undefined ? undefined : Date.parse(session.value.expiresAt);
  // Per session: a new one may warn again.
  const [dismissed, setDismissed] = useState<number | undefined>();
  const soon = expiring.value && end !== undefined;
  useEffect(() => {
    if (soon && end !== undefined) tellHost({ type: 'expiring', seconds: Math.max(0, Math.round((end - Date.now()) / 1000)) });
  }, [soon, end, embedded.value]);
  const words = base().words;
  const question = leaving.value;
  return (
    <>
      {session.value !== null && expired.value && <Expired />}
      {soon && dismissed !== end && !embedded.value && <Expiring end={end} onClose={() => setDismissed(end)} />}
      {question !== null && (
        <Confirm
          title={words.leaveTitle}
          action={words.discard}
          cancel={words.keepEditing}
          onClose={() => (leaving.value = null)}
          onConfirm={() => {
            leaving.value = null;
            unsaved.value = false;
            question.go();
          }}
        >
          <p>{words.leaveText}</p>
        </Confirm>
      )}
    </>
  );
}
