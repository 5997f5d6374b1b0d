// What a page shows instead of, or beside, its data: each state looks like itself.

import { useEffect, useState } from 'preact/hooks';

import { type ApiError, fieldErrors } from '../api/problem';
import { now } from '../lib/refresh';
import { safeLine } from '../lib/safe-text';
import { absolute, relative } from '../lib/time';
import { base, locale } from '../texts';
import { Notice } from './status';

/** Nothing for 150 ms, then a skeleton of the size of what comes; a line after 5 s. */
export function Loading({ rows = 3 }: { rows?: number }) {
  const [stage, setStage] = useState<'early' | 'waiting' | 'slow'>('early');
  useEffect(() => {
    const timers = [setTimeout(() => setStage('waiting'), 150), setTimeout(() => setStage('slow'), 5000)];
    return () => timers.forEach(clearTimeout);
  }, []);
  return (
    <div aria-busy="true" role="status">
      <span class="visually-hidden">{base().states.loading}</span>
      <div class="skeleton" hidden={stage === 'early'}>
        {Array.from({ length: rows }, (_, index) => (
          <span key={index} />
        ))}
      </div>
      {stage === 'slow' && <p class="soft">{base().states.slow}</p>}
    </div>
  );
}

/** Nothing has ever been here: what it is, and one action. */
export function Empty({ title, children, action }: { title: string; children?: preact.ComponentChildren; action?: preact.ComponentChildren }) {
  return (
    <section class="state">
      <h2>{title}</h2>
      {children}
      {action}
    </section>
  );
}

/** There is something, but the filters leave nothing of it. */
export function NothingMatches({ onClear, text }: { onClear: () => void; text?: string }) {
  const words = base().states;
  return (
    <section class="state">
      <h2>{words.filteredTitle}</h2>
      <p>{text ?? words.filteredText}</p>
      <button type="button" class="button" onClick={onClear}>
        {words.clearFilters}
      </button>
    </section>
  );
}

/** Names the missing right, or says what the API says. */
function forbidden(error: ApiError): string {
  const words = base().states;
  if (error.missingScope !== undefined) return words.forbiddenText(error.missingScope);
  return error.problem.detail === undefined ? words.forbiddenUnknown : safeLine(error.problem.detail);
}

/** What is wrong with what was sent, by field; `all` if no field is named. */
export function mistakesIn(error: ApiError, fieldOf = (path: string): string => path): Record<string, string> {
  const found = Object.fromEntries(fieldErrors(error).map((one) => [fieldOf(one.field), safeLine(one.detail)]));
  return Object.keys(found).length > 0 ? found : { all: sentence(error) };
}

/** The words of an error, for an action that failed. */
export function sentence(error: ApiError): string {
  const words = base().states;
  switch (error.kind) {
    case 'offline':
      return words.offlineWrite;
    case 'busy':
      return words.busyWrite;
    case 'forbidden':
      return forbidden(error);
    case 'missing':
      return words.missingText;
    case 'server':
      return words.errorText;
    case 'conflict':
      return error.code === 'precondition_failed' || error.code === 'concurrent_change' ? words.conflict : safeLine(error.message);
    default:
      return safeLine(error.message);
  }
}

/** A page or list that could not be read. */
export function Failed({ error, onRetry, back }: { error: ApiError; onRetry?: () => void; back?: preact.ComponentChildren }) {
  const words = base().states;
  const quote = words.quote(safeLine(error.code ?? String(error.status || 'network')), `${absolute(error.at.getTime(), locale())}${error.problem.requestId === undefined ? '' : `, ${safeLine(error.problem.requestId)}`}`);
  const [title, text] =
    error.kind === 'forbidden'
      ? [words.forbiddenTitle, forbidden(error)]
      : error.kind === 'missing'
        ? [words.missingTitle, words.missingText]
        : error.kind === 'busy'
          ? [words.busyTitle, words.busyText(error.retryAfter ?? 60)]
          : error.kind === 'offline'
            ? [words.errorTitle, words.offline]
            : error.kind === 'server'
              ? [words.errorTitle, words.errorText]
              : [words.errorTitle, safeLine(error.message)];
  return (
    <section class="state" role="alert">
      <h2>{title}</h2>
      <p>{text}</p>
      {error.kind !== 'missing' && <p class="soft small">{quote}</p>}
      <div class="row">
        {onRetry !== undefined && error.kind !== 'forbidden' && error.kind !== 'missing' && (
          <button type="button" class="button" onClick={onRetry}>
            {words.tryAgain}
          </button>
        )}
        {back}
      </div>
    </section>
  );
}

/** A page, or a part of one, whose files or code failed: only the whole page anew helps. */
export function Broken({ part }: { part?: boolean }) {
  const words = base().states;
  const Title = part === true ? 'h2' : 'h1';
  return (
    <section class="state" role="alert">
      <Title>{words.brokenTitle}</Title>
      <p>{words.brokenText}</p>
      <button type="button" class="button" onClick={() => location.reload()}>
        {base().words.reload}
      </button>
    </section>
  );
}

/** Data that is shown but could not be refreshed. */
export function Stale({ at, onRetry }: { at: number; onRetry: () => void }) {
  const words = base().states;
  return (
    <Notice
      tone="warn"
      role="status"
      action={
        <button type="button" class="button" onClick={onRetry}>
          {words.tryAgain}
        </button>
      }
    >
      {words.errorStale(relative(at, now.value, base().time))}
    </Notice>
  );
}

interface Readable<T> {
  data: T | undefined;
  error: ApiError | undefined;
  loading: boolean;
  at: number;
  reload: () => Promise<void>;
}

/** The right state for what is read: loading, failed, or the data with its age if a refresh fails. */
export function Read<T>({ from, rows, back, children }: { from: Readable<T>; rows?: number; back?: preact.ComponentChildren; children: (data: T) => preact.ComponentChildren }) {
  const retry = (): void => void from.reload();
  if (from.data !== undefined) {
    return (
      <>
        {from.error !== undefined && from.error.kind !== 'session' && <Stale at={from.at} onRetry={retry} />}
        {children(from.data)}
      </>
    );
  }
  // A session that has ended has a dialog of its own.
  if (from.error !== undefined && from.error.kind !== 'session') return <Failed error={from.error} onRetry={retry} back={back} />;
  return <Loading rows={rows} />;
}
