// What is around each page: organisation, search, refresh, theme, and the pages' names.

import { useLocation } from 'preact-iso';
import { useEffect, useRef, useState } from 'preact/hooks';

import { api, outdated, take, troubled, waitingUntil } from '../api/client';
import { can, exchange, me, session, signOut } from '../api/session';
import { type Counted, failingWebhooks, useWaitingDeadLetters, waitingDeadLetters } from '../lib/counts';
import { embedded, startEmbed, tellHost } from '../lib/embed';
import { leave } from '../lib/leave';
import { place, tenantHref, tenantOf } from '../lib/place';
import { now, offline, paused, refreshedAt, refreshNow } from '../lib/refresh';
import { safeLine } from '../lib/safe-text';
import { arrive, settleScroll } from '../lib/scroll';
import { type Tenant, TenantContext } from '../lib/tenant';
import { nextTheme, theme } from '../lib/theme';
import { relative } from '../lib/time';
import { pageTitle } from '../lib/title';
import { Icon, type IconName } from '../parts/icon';
import { Menu, type MenuItem } from '../parts/menu';
import { Loading } from '../parts/state';
import { Notice } from '../parts/status';
import { say } from '../parts/toast';
import { base, changeLanguage, language, LANGUAGES, type Language } from '../texts';
import { Search } from './search';

interface Entry {
  href: string;
  label: string;
  icon: IconName;
  count?: string;
  /** In the bar at the foot; the others are behind "More". */
  main?: boolean;
}

function tenantEntries(tenantId: string, contract: string | undefined): Entry[] {
  const words = base().nav;
  const to = (path: string): string => tenantHref(place, tenantId, path);
  const of = (counted: Counted | undefined): number => (counted?.tenantId === tenantId ? counted.count : 0);
  const failing = of(failingWebhooks.value);
  const dead = of(waitingDeadLetters.value);
  const entries: (Entry | false)[] = [
    can('webhooks:read') && { href: to('webhooks'), label: words.webhooks, icon: 'webhooks', count: failing > 0 ? words.failing(failing) : undefined, main: true },
    can('deliveries:read') && { href: to('log'), label: words.vendorLogs[contract ?? ''] ?? words.log, icon: 'log', main: true },
    can('deliveries:read') && { href: to('events'), label: words.events, icon: 'events', main: true },
    can('deliveries:read') && { href: to('dead-letters'), label: words.deadLetters, icon: 'dead', count: dead > 0 ? `${dead}${waitingDeadLetters.value?.more === true ? '+' : ''}` : undefined, main: true },
    can('deliveries:read') && { href: to('redrives'), label: words.redrives, icon: 'retry' },
    { href: to('event-types'), label: words.eventTypes, icon: 'menu' },
    { href: to('verify'), label: words.verify, icon: 'ok' },
    can('keys') && { href: to('keys'), label: words.keys, icon: 'user' },
    { href: to('help'), label: words.help, icon: 'more' },
  ];
  return entries.filter((entry): entry is Entry => entry !== false);
}

function operatorEntries(): Entry[] {
  const words = base().nav;
  const to = (path: string): string => `${place.root}${path}`;
  return [
    { href: to(''), label: words.overview, icon: 'log', main: true },
    { href: to('tenants'), label: words.tenants, icon: 'user', main: true },
    { href: to('dead-letters'), label: words.deadLetters, icon: 'dead', main: true },
    { href: to('contracts'), label: words.contracts, icon: 'copy', main: true },
    { href: to('event-types'), label: words.eventTypes, icon: 'menu' },
  ];
}

const isHere = (href: string, path: string): boolean => {
  const bare = href.replace(/\/$/, '');
  if (`${bare}/` === place.root) return path === bare;
  return path === bare || path.startsWith(`${bare}/`) || (bare.endsWith('/log') && path.startsWith(`${bare.slice(0, -3)}deliveries/`));
};

function Nav({ entries, path }: { entries: Entry[]; path: string }) {
  const words = base().nav;
  const rest = entries.filter((entry) => entry.main !== true);
  const firstPage = place.kind === 'portal' && `${path}/` === place.root;
  const link = (entry: Entry, index: number, extra = '') => (
    <li key={entry.href} class={extra}>
      <a href={entry.href} aria-current={isHere(entry.href, path) || (firstPage && index === 0) ? 'page' : undefined}>
        <Icon name={entry.icon} />
        {entry.label}
        {entry.count !== undefined && <span class="count">{entry.count}</span>}
      </a>
    </li>
  );
  return (
    <nav class="nav" aria-label={words.label}>
      <ul>
        {entries.map((entry, index) => link(entry, index, entry.main === true || embedded.value ? '' : 'only-wide'))}
        {rest.length > 0 && !embedded.value && (
          <li class="only-narrow">
            <Menu
              buttonClass="menu-item"
              button={
                <>
                  <Icon name="menu" />
                  {words.more}
                </>
              }
              items={rest.map((entry) => ({ label: entry.label, href: entry.href }))}
            />
          </li>
        )}
      </ul>
    </nav>
  );
}

function Refresh() {
  const words = base().refresh;
  const age = relative(refreshedAt.value, Math.max(now.value, refreshedAt.value), base().time);
  return (
    <span class="top-side">
      <button type="button" class="button plain only-wide" data-hint={words.now} onClick={() => void refreshNow()}>
        {paused.value ? words.paused : words.age(age)}
      </button>
      <button type="button" class="icon-button" aria-label={paused.value ? words.resume : words.pause} data-hint={paused.value ? words.resume : words.pause} onClick={() => (paused.value = !paused.value)}>
        <Icon name={paused.value ? 'play' : 'pause'} />
      </button>
    </span>
  );
}

function Account({ name }: { name: string }) {
  const words = base().account;
  const end = session.value?.expiresAt;
  const items: MenuItem[] = [
    ...(Object.entries(LANGUAGES) as [Language, string][]).map(([id, label]): MenuItem => ({ label, checked: id === language, onSelect: () => leave(() => changeLanguage(id)) })),
    {
      label: words.signOut,
      onSelect: () =>
        leave(() => {
          void signOut().then((ended) => say(ended ? base().entry.signedOut : base().entry.signedOutHere));
        }),
    },
  ];
  return (
    <Menu
      start
      buttonClass="button plain brand"
      label={words.menu(name)}
      button={
        <>
          <span class="truncate">{name}</span>
          <Icon name="down" />
        </>
      }
      note={end === undefined ? undefined : words.endsAt(relative(Date.parse(end), now.value, base().time))}
      items={items}
    />
  );
}

function Top({ name, tenantId }: { name: string; tenantId?: string }) {
  const words = base();
  return (
    <header class="top">
      <div class="top-side">
        <Account name={name} />
      </div>
      {tenantId !== undefined && <Search />}
      <div class="top-side">
        <Refresh />
        <button type="button" class="icon-button" aria-label={words.theme.label(words.theme[theme.value])} data-hint={words.theme.label(words.theme[theme.value])} onClick={nextTheme}>
          <Icon name="theme" />
        </button>
      </div>
    </header>
  );
}

/** Offline, a server in trouble, a wait for the request limit: one line each, above the page. */
function Banners({ actingFor, tenantId }: { actingFor?: string; tenantId?: string }) {
  const words = base().states;
  const wait = Math.ceil((waitingUntil.value - now.value) / 1000);
  return (
    <>
      {actingFor !== undefined && (
        <Notice
          tone="wait"
          icon="user"
          action={
            <span class="row">
              <a href={`${place.root}tenants?link=${encodeURIComponent(tenantId ?? '')}`}>{base().account.portalLink}</a>
              <a href={`${place.root}tenants`}>{base().account.allTenants}</a>
            </span>
          }
        >
          {base().account.actingAs(actingFor)}
        </Notice>
      )}
      {outdated.value && (
        <Notice
          tone="wait"
          role="status"
          action={
            <button type="button" class="button" onClick={() => leave(() => location.reload())}>
              {base().words.reload}
            </button>
          }
        >
          {words.outdated}
        </Notice>
      )}
      {wait > 0 && (
        <Notice tone="warn" role="status">
          {words.busyText(wait)}
        </Notice>
      )}
      {(offline.value || troubled.value === 'offline') && (
        <Notice tone="warn" role="alert">
          {words.offline}
        </Notice>
      )}
      {!offline.value && troubled.value === 'server' && (
        <Notice
          tone="warn"
          role="alert"
          action={
            <button type="button" class="button" onClick={() => void refreshNow()}>
              {words.tryAgain}
            </button>
          }
        >
          {words.server}
        </Notice>
      )}
    </>
  );
}

/** `settled`: what is known of the tenant is known; the page's words depend on its contract. */
function useTenantOf(path: string): { tenant?: Tenant; settled: boolean } {
  const who = me.value;
  const id = place.kind === 'portal' ? (who?.tenantId ?? session.value?.tenantId) : tenantOf(path, place);
  const [known, setKnown] = useState<Tenant | undefined>();
  useEffect(() => {
    if (id === undefined || place.kind === 'portal') return;
    void take(api.GET('/v1/tenants/{tenantId}', { params: { path: { tenantId: id } } })).then(
      (tenant) => setKnown({ id, name: tenant.name, contract: tenant.contract, webhooks: tenant.limits.webhooks === undefined ? undefined : { used: 0, allowed: tenant.limits.webhooks } }),
      // The page itself says what is wrong.
      () => setKnown({ id }),
    );
  }, [id]);
  if (id === undefined) return { settled: true };
  if (place.kind === 'portal') return { tenant: { id, name: who?.tenantName, contract: who?.contract, webhooks: who?.limits?.webhooks }, settled: true };
  return known?.id === id ? { tenant: known, settled: true } : { tenant: { id }, settled: false };
}

export function Frame({ children }: { children: preact.ComponentChildren }) {
  const { path, url, route } = useLocation();
  const { tenant, settled } = useTenantOf(path);
  useWaitingDeadLetters(tenant?.id);
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);

  useEffect(() => {
    startEmbed(
      (code) => void exchange(code),
      (to) => {
        if (/^[A-Za-z0-9_.~%/?=&-]*$/.test(to) && !to.startsWith('/')) leave(() => route(`${place.root}${to}`));
      },
    );
  }, []);
  // After a change of page the focus is at its beginning, and its name is read out.
  useEffect(() => {
    tellHost({ type: 'navigated', path: url.slice(place.root.length), title: pageTitle.value });
    if (first.current) {
      first.current = false;
      return;
    }
    main.current?.focus({ preventScroll: true });
    arrive();
  }, [path]);
  useEffect(settleScroll, [url]);

  const name = safeLine(place.kind === 'console' && tenant === undefined ? 'Postel' : (tenant?.name ?? tenant?.id ?? base().product));
  return (
    <TenantContext.Provider value={tenant ?? { id: '' }}>
      <a class="skip" href="#main">
        {base().skip}
      </a>
      <div class={embedded.value ? 'frame embedded' : 'frame'}>
        {!embedded.value && <Top name={name} tenantId={tenant?.id} />}
        <Nav entries={tenant === undefined ? operatorEntries() : tenantEntries(tenant.id, tenant.contract)} path={path} />
        <main class="main" id="main" tabIndex={-1} ref={main}>
          <div class="stack">
            <Banners actingFor={place.kind === 'console' && tenant !== undefined ? name : undefined} tenantId={tenant?.id} />
            {settled ? children : <Loading rows={5} />}
          </div>
        </main>
      </div>
      <div class="visually-hidden" role="status">
        {pageTitle.value}
      </div>
    </TenantContext.Provider>
  );
}
