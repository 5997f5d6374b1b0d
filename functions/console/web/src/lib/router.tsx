// Where the page is, and the page of an address. A link to another page changes the address without
// loading the document again. A page's code is loaded when it is first opened; until it is there, the
// page before stays.

import { type ComponentChildren, type ComponentType, createContext } from 'preact';
import { useContext, useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState } from 'preact/hooks';

import { place } from './place';

export interface PageProps {
  params: Record<string, string>;
  query: Record<string, string>;
}

/** A page, and how to get its code. */
export interface Lazy {
  load: () => Promise<void>;
  component?: ComponentType<PageProps>;
}

interface Here {
  url: string;
  path: string;
  query: Record<string, string>;
  route: (url: string, replace?: boolean) => void;
}

const HereContext = createContext({} as Here);

export const useLocation = (): Here => useContext(HereContext);

/** Whether the last change was a step to a new page, which begins at its top. */
let isStep = false;

const here = (): string => location.pathname + location.search;

export function Located({ children }: { children: ComponentChildren }) {
  const [url, set] = useState(here);
  const route = useMemo(
    () =>
      (to: string, replace = false): void => {
        isStep = !replace;
        history[replace ? 'replaceState' : 'pushState'](null, '', to);
        set(to);
      },
    [],
  );
  useLayoutEffect(() => {
    addEventListener('click', (event) => {
      const link = event.target instanceof Element ? event.target.closest<HTMLAnchorElement>('a[href]') : null;
      if (link === null || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || event.button !== 0) return;
      if (link.origin !== location.origin || link.target !== '' || link.hasAttribute('download') || link.getAttribute('href')?.startsWith(place.root) !== true) return;
      event.preventDefault();
      route(link.href.slice(location.origin.length));
    });
    addEventListener('popstate', () => {
      isStep = false;
      set(here());
    });
  }, []);
  const value = useMemo(() => {
    const { pathname, searchParams } = new URL(url, location.origin);
    return { url, path: pathname.replace(/\/+$/, '') || '/', query: Object.fromEntries(searchParams), route };
  }, [url]);
  return <HereContext.Provider value={value}>{children}</HereContext.Provider>;
}

const partsOf = (path: string): string[] => path.split('/').filter((part) => part !== '');

/** The parameters of a path that has the form of a pattern: `webhooks/:id`. */
export function match(path: string, pattern: string): Record<string, string> | undefined {
  const given = partsOf(path);
  const wanted = partsOf(pattern);
  if (given.length !== wanted.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const has = given[index] ?? '';
    if (!part.startsWith(':')) {
      if (part !== has) return undefined;
      continue;
    }
    try {
      params[part.slice(1)] = decodeURIComponent(has);
    } catch {
      return undefined;
    }
  }
  return params;
}

/** The page of the first pattern that the path has, or the last of the routes. */
function find(routes: [string, Lazy][], path: string): [Lazy | undefined, Record<string, string>] {
  for (const [pattern, page] of routes) {
    const params = match(path, place.root + pattern);
    if (params !== undefined) return [page, params];
  }
  return [routes.at(-1)?.[1], {}];
}

export function Routed({ routes }: { routes: [string, Lazy][] }) {
  const { path, query, url } = useLocation();
  const [, update] = useReducer((count: number, _: void) => count + 1, 0);
  const [page, params] = find(routes, path);
  const Page = page?.component;
  const made = useMemo(() => Page && <Page params={params} query={query} />, [url, Page]);
  const shown = useRef(made);
  if (made !== undefined) shown.current = made;
  useEffect(() => {
    if (Page === undefined) void page?.load().then(() => update());
  }, [page]);
  useLayoutEffect(() => {
    if (Page !== undefined && isStep) scrollTo(0, 0);
  }, [path, Page]);
  return shown.current ?? null;
}
