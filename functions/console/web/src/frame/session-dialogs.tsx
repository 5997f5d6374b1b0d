// Over the page: the session has ended, or ends soon, or unsaved work would be lost.

import { useEffect, useState } from 'preact/hooks';

import { expired, expiring, me, session } from '../api/session';
import { embedded, tellHost } from '../lib/embed';
import { leaving, unsaved } from '../lib/leave';
import { place } from '../lib/place';
import { now } from '../lib/refresh';
import { safeLine } from '../lib/safe-text';
import { Confirm, Dialog } from '../parts/dialog';
import { base } from '../texts';
import { NewLink, SignIn } from './entry';

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
