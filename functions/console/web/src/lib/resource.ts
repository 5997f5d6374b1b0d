// What a page reads: with its age, its error, and a refresh every 30 seconds. Data that is shown
// stays when a later read fails.

import { useCallback, useEffect, useRef, useState } from 'preact/hooks';

import { type ApiError, asError } from '../api/problem';
import { hidden, locked, offline, onRefresh } from './refresh';

export interface Resource<T> {
  data: T | undefined;
  error: ApiError | undefined;
  /** True while there is no answer to the present key yet. */
  loading: boolean;
  /** When the data came, in ms. */
  at: number;
  reload: () => Promise<void>;
  /** Shows a change before the next read. */
  set: (data: T) => void;
}

interface State<T> {
  key: string;
  data?: T;
  error?: ApiError;
  at: number;
}

const isAbort = (thrown: unknown): boolean => thrown instanceof DOMException && thrown.name === 'AbortError';

/** After so many seconds a read that got no answer, or a 5xx, is repeated by itself. */
const AGAIN_SECONDS = [2, 4, 8, 16, 30];

function useAgain(error: ApiError | undefined, reload: () => Promise<void>): void {
  const failures = useRef(0);
  useEffect(() => {
    if (error?.kind !== 'offline' && error?.kind !== 'server') {
      failures.current = 0;
      return undefined;
    }
    const seconds = AGAIN_SECONDS[Math.min(failures.current, AGAIN_SECONDS.length - 1)] ?? 30;
    failures.current += 1;
    const timer = setInterval(() => {
      if (hidden.value || offline.value || locked.value) return;
      clearInterval(timer);
      void reload();
    }, seconds * 1000);
    return () => clearInterval(timer);
  }, [error]);
}

/** `key` names what is read: another key drops the data. `load` gets a signal that ends it. */
export function useResource<T>(key: string, load: (signal: AbortSignal) => Promise<T>, { refresh = true }: { refresh?: boolean } = {}): Resource<T> {
  const [state, setState] = useState<State<T>>({ key: '', at: 0 });
  const latest = useRef({ key, load });
  latest.current = { key, load };
  const running = useRef<AbortController | null>(null);

  const reload = useCallback(async () => {
    running.current?.abort();
    const control = new AbortController();
    running.current = control;
    const { key: forKey, load: read } = latest.current;
    try {
      const data = await read(control.signal);
      if (!control.signal.aborted) setState({ key: forKey, data, at: Date.now() });
    } catch (thrown) {
      if (control.signal.aborted || isAbort(thrown)) return;
      setState((before) => ({ key: forKey, data: before.key === forKey ? before.data : undefined, at: before.key === forKey ? before.at : 0, error: asError(thrown) }));
    }
  }, []);

  useEffect(() => {
    void reload();
    return () => running.current?.abort();
  }, [key]);
  useEffect(() => (refresh ? onRefresh(reload) : undefined), [refresh]);

  const mine = state.key === key;
  useAgain(mine ? state.error : undefined, reload);
  const set = useCallback((data: T) => setState({ key: latest.current.key, data, at: Date.now() }), []);
  return { data: mine ? state.data : undefined, error: mine ? state.error : undefined, loading: !mine, at: mine ? state.at : 0, reload, set };
}

export interface Page<T> {
  items: T[];
  nextCursor?: string;
}

export interface Pages<T> extends Omit<Resource<T[]>, 'set'> {
  more: boolean;
  loadingMore: boolean;
  loadMore: () => Promise<void>;
  /** New rows at the top that the person has not asked for yet. */
  fresh: number;
  /** Rows that are shown and that the list has no more: they no longer match, or are deleted. */
  gone: number;
  /** Shows the new ones, and drops those that are gone. */
  showFresh: () => void;
  update: (change: (items: T[]) => T[]) => void;
}

interface Compared<T> {
  items: T[];
  /** New rows. */
  waiting: T[];
  /** Ids of rows that are gone. */
  gone: string[];
  /** So much is new that between the first page and the rows shown there may be more. */
  behind: Page<T> | undefined;
}

interface Shown<T> extends Compared<T> {
  key: string;
  cursor?: string;
}

/** The rows that are shown beside the first page as it is now. */
export function compared<T>(items: T[], page: Page<T>, idOf: (item: T) => string): Compared<T> {
  const now = new Map(page.items.map((item) => [idOf(item), item]));
  const known = new Set(items.map(idOf));
  const waiting = page.items.filter((item) => !known.has(idOf(item)));
  // The first page reaches down to the last row that both have, or to the end.
  const ids = items.map(idOf);
  const reach = page.nextCursor === undefined ? ids.length : ids.reduce((last, id, at) => (now.has(id) ? at : last), -1);
  return {
    items: items.map((item) => now.get(idOf(item)) ?? item),
    waiting,
    gone: ids.slice(0, reach).filter((id) => !now.has(id)),
    behind: page.nextCursor !== undefined && waiting.length === page.items.length && waiting.length > 0 ? page : undefined,
  };
}

function caughtUp<T>(before: Shown<T>, idOf: (item: T) => string): Shown<T> {
  const { behind, waiting, items } = before;
  const rest = { ...before, waiting: [], gone: [], behind: undefined };
  if (behind !== undefined) return { ...rest, items: behind.items, cursor: behind.nextCursor };
  const gone = new Set(before.gone);
  return { ...rest, items: [...waiting, ...items.filter((item) => !gone.has(idOf(item)))] };
}

/**
 * A list with a cursor. A refresh reads the first page: rows that are shown change in place, new
 * ones are counted in `fresh` and come when the person asks for them.
 */
export function usePages<T>(key: string, idOf: (item: T) => string, load: (cursor: string | undefined, signal: AbortSignal) => Promise<Page<T>>): Pages<T> {
  const first = useResource<Page<T>>(key, (signal) => load(undefined, signal));
  const [shown, setShown] = useState<Shown<T> | null>(null);
  const [loadingMore, setLoadingMore] = useState(false);
  const [moreError, setMoreError] = useState<ApiError | undefined>();

  useEffect(() => {
    const page = first.data;
    if (page === undefined) return;
    setShown((before) => {
      if (before === null || before.key !== key || before.items.length === 0) return { key, items: page.items, cursor: page.nextCursor, waiting: [], gone: [], behind: undefined };
      return { ...before, ...compared(before.items, page, idOf) };
    });
  }, [first.data, key]);

  const mine = shown !== null && shown.key === key ? shown : undefined;
  const loadMore = async (): Promise<void> => {
    if (mine?.cursor === undefined || loadingMore) return;
    setLoadingMore(true);
    setMoreError(undefined);
    try {
      const page = await load(mine.cursor, new AbortController().signal);
      setShown((before) => {
        if (before === null || before.key !== key) return before;
        const known = new Set(before.items.map(idOf));
        return { ...before, items: [...before.items, ...page.items.filter((item) => !known.has(idOf(item)))], cursor: page.nextCursor };
      });
    } catch (thrown) {
      setMoreError(asError(thrown));
    } finally {
      setLoadingMore(false);
    }
  };
  return {
    data: mine?.items,
    error: first.error ?? moreError,
    loading: first.loading,
    at: first.at,
    reload: first.reload,
    more: mine?.cursor !== undefined,
    loadingMore,
    loadMore,
    fresh: mine?.waiting.length ?? 0,
    gone: mine?.gone.length ?? 0,
    showFresh: () => setShown((before) => (before === null ? null : caughtUp(before, idOf))),
    update: (change) => setShown((before) => (before === null ? null : { ...before, items: change(before.items) })),
  };
}
