// Instead of the pages, while there is no session.

import { useRef, useState } from 'preact/hooks';

import { asError } from '../api/problem';
import { codeOf, entry, entryError, enter, exchange, signIn } from '../api/session';
import { place } from '../lib/place';
import { refreshNow } from '../lib/refresh';
import { useTitle } from '../lib/title';
import { Field } from '../parts/field';
import { Failed, Loading, sentence } from '../parts/state';
import { base } from '../texts';

export function Entry() {
  const words = base().entry;
  const state = entry.value;
  const title = state === 'used' ? words.usedTitle : place.kind === 'console' && state !== 'failed' ? words.operatorTitle : state === 'failed' ? words.failedTitle : words.noneTitle;
  useTitle(state === 'entering' ? words.entering : title);
  if (state === 'entering') {
    return (
      <main class="entry" id="main">
        <div class="card">
          <h1>{words.entering}</h1>
          <Loading rows={1} />
        </div>
      </main>
    );
  }
  if (state === 'failed' && entryError.value !== null) {
    return (
      <main class="entry" id="main">
        <Failed error={entryError.value} onRetry={() => void enter()} />
      </main>
    );
  }
  return (
    <main class="entry" id="main">
      <div class="card">
        <h1>{title}</h1>
        {state === 'used' && <p>{words.usedText}</p>}
        {place.kind === 'portal' && state !== 'used' && <p>{words.noneText}</p>}
        {place.kind === 'console' ? <SignIn /> : <NewLink />}
      </div>
    </main>
  );
}

/** With a link that the person pastes: the page stays where it is. */
export function NewLink() {
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
      entry.value = 'in';
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

/** With the operator's key. Also in the dialog that covers a page whose session has ended. */
export function SignIn({ autofocus = false }: { autofocus?: boolean }) {
  const words = base().entry;
  const input = useRef<HTMLInputElement>(null);
  const [error, setError] = useState<string | undefined>();
  const [busy, setBusy] = useState(false);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const key = input.current?.value.trim() ?? '';
    if (key === '') {
      setError(base().fields.required);
      input.current?.focus();
      return;
    }
    if (busy) return;
    setBusy(true);
    setError(undefined);
    try {
      await signIn(key);
    } catch (thrown) {
      const problem = asError(thrown);
      setError(problem.status === 401 || problem.status === 403 ? words.operatorWrong : sentence(problem));
      input.current?.focus();
    } finally {
      setBusy(false);
      if (input.current !== null && entry.value === 'in') input.current.value = '';
    }
  };
  return (
    <form class="stack" onSubmit={(event) => void submit(event)}>
      <Field label={words.operatorKey} name="key" help={words.operatorHelp} error={error} required>
        {(attributes) => <input {...attributes} ref={input} type="password" autocomplete="current-password" data-autofocus={autofocus || undefined} />}
      </Field>
      <div class="row end">
        <button type="submit" class="button primary" aria-disabled={busy}>
          {words.signIn}
        </button>
      </div>
    </form>
  );
}
