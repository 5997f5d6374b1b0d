// The routes. Each page is a file of its own, loaded with its texts when it is first opened.

import { lazy, LocationProvider, Route, Router, useLocation } from 'preact-iso';
import { Component, type ComponentType } from 'preact';
import { useEffect } from 'preact/hooks';

import { entry, session } from './api/session';
import { Entry } from './frame/entry';
import { Frame } from './frame/frame';
import { SessionDialogs } from './frame/session-dialogs';
import { routeBy, settle } from './lib/leave';
import { place } from './lib/place';
import Webhooks from './pages/webhooks';
import { loadPart } from './texts';
import type { Part } from './texts/en';
import { Broken } from './parts/state';
import { Hints } from './parts/hint';
import { dropOld, Toasts } from './parts/toast';

export interface PageProps {
  params: Record<string, string>;
  query: Record<string, string>;
}

type Module = { default: ComponentType<PageProps> };

function page(load: () => Promise<Module>, ...parts: Part[]) {
  return lazy(async () => {
    try {
      const [module] = await Promise.all([load(), ...parts.map(loadPart)]);
      return module;
    } catch {
      // A later deployment has other files; the browser reports the one that is missing.
      return { default: () => <Broken /> };
    }
  });
}

/** A page that has failed says so; the frame around it stays. */
class Boundary extends Component<{ path: string; children: preact.ComponentChildren }, { broken: boolean }> {
  override state = { broken: false };
  override componentDidCatch(error: unknown): void {
    reportError(error);
    this.setState({ broken: true });
  }
  override componentDidUpdate(before: { path: string }): void {
    if (this.state.broken && before.path !== this.props.path) this.setState({ broken: false });
  }
  override render() {
    return this.state.broken ? <Broken /> : this.props.children;
  }
}

// In the first file, with its texts: it is what a customer sees first.
const webhooks = page(async () => ({ default: Webhooks }), 'webhooks');
const webhookForm = page(() => import('./pages/webhook-form'), 'webhooks', 'webhook', 'webhookForm');
const webhook = page(() => import('./pages/webhook'), 'webhooks', 'webhook', 'change', 'log', 'failures', 'verify', 'charts', 'inbox');
const log = page(() => import('./pages/log'), 'log', 'failures');
const delivery = page(() => import('./pages/delivery'), 'delivery', 'log', 'failures');
const events = page(() => import('./pages/events'), 'events', 'log');
const event = page(() => import('./pages/event'), 'events', 'change', 'log', 'failures', 'delivery');
const deadLetters = page(() => import('./pages/dead-letters'), 'deadLetters', 'redrives', 'log', 'failures', 'delivery');
const redrives = page(() => import('./pages/redrives'), 'redrives', 'log', 'failures');
const redrive = page(() => import('./pages/redrive'), 'redrives', 'log', 'failures');
const eventTypes = page(() => import('./pages/event-types'), 'eventTypes', 'webhook');
const verify = page(() => import('./pages/verify'), 'verify');
const keys = page(() => import('./pages/keys'), 'keys');
const help = page(() => import('./pages/help'), 'webhooks', 'help');
const missing = page(() => import('./pages/missing'));
const overview = page(() => import('./pages/overview'), 'operator', 'redrives', 'failures');
const tenants = page(() => import('./pages/tenants'), 'operator', 'keys');
const contracts = page(() => import('./pages/contracts'), 'operator');
const allDeadLetters = page(() => import('./pages/all-dead-letters'), 'operator', 'failures');

const TENANT_PAGES: [string, ReturnType<typeof page>][] = [
  ['webhooks', webhooks],
  ['webhooks/new', webhookForm],
  ['webhooks/:id', webhook],
  ['webhooks/:id/edit', webhookForm],
  ['log', log],
  ['deliveries/:id', delivery],
  ['events', events],
  ['events/:id', event],
  ['dead-letters', deadLetters],
  ['redrives', redrives],
  ['redrives/:id', redrive],
  ['event-types', eventTypes],
  ['verify', verify],
  ['keys', keys],
  ['help', help],
];

const OPERATOR_PAGES: [string, ReturnType<typeof page>][] = [
  ['', overview],
  ['tenants', tenants],
  ['contracts', contracts],
  ['contracts/:name', contracts],
  ['event-types', eventTypes],
  ['dead-letters', allDeadLetters],
];

function routes(): [string, ReturnType<typeof page>][] {
  if (place.kind === 'portal') return [['', webhooks], ...TENANT_PAGES];
  return [...OPERATOR_PAGES, ['t/:tenantId', webhooks], ...TENANT_PAGES.map(([path, component]): [string, ReturnType<typeof page>] => [`t/:tenantId/${path}`, component])];
}

const ROUTES = routes();

function Pages() {
  const { path, route, url } = useLocation();
  useEffect(() => routeBy(route), []);
  useEffect(settle, [url]);
  useEffect(dropOld, [path]);
  if (entry.value !== 'in' && session.value === null) return <Entry />;
  if (entry.value !== 'in') return <Entry />;
  return (
    <Frame>
      <Boundary path={path}>
        <Router>
          {ROUTES.map(([path, component]) => (
            <Route key={path} path={`${place.root}${path}`} component={component} />
          ))}
          <Route default component={missing} />
        </Router>
      </Boundary>
    </Frame>
  );
}

export function App() {
  return (
    <LocationProvider scope={place.root}>
      <Pages />
      <SessionDialogs />
      <Hints />
      <Toasts />
    </LocationProvider>
  );
}
