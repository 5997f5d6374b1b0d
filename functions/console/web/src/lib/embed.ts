// In a frame: the host hears the page's height, that the session ends, and where the page is; the
// page takes a new code and a path. Only messages of the host, from an allowed origin, count.

import { signal } from '@preact/signals';

export const embedded = signal(false);

type Outgoing = { type: 'size'; height: number } | { type: 'expiring'; seconds: number } | { type: 'navigated'; path: string; title: string } | { type: 'ready' };
type Incoming = { type: 'token'; code: string } | { type: 'navigate'; path: string };

let host: string | undefined;

/** The allow-list that the function `console` writes into the page, or the browser's own word. */
function allowed(): string[] {
  const listed = document.querySelector('meta[name="postel-frame-ancestors"]')?.getAttribute('content')?.split(/\s+/).filter((one) => one !== '') ?? [];
  const ancestor = (location as Location & { ancestorOrigins?: DOMStringList }).ancestorOrigins?.[0];
  return listed.length > 0 ? listed : ancestor === undefined ? [] : [ancestor];
}

export function tellHost(message: Outgoing): void {
  if (!embedded.value) return;
  // A pattern of the list is no address; the browser may know whose frame this is.
  const ancestor = (location as Location & { ancestorOrigins?: DOMStringList }).ancestorOrigins?.[0];
  const hosts = ancestor !== undefined && allowed().some((pattern) => matches(ancestor, pattern)) ? [ancestor] : allowed();
  for (const origin of host === undefined ? hosts : [host]) {
    if (/^https?:\/\/[^*/]+$/.test(origin)) parent.postMessage({ postel: message }, origin);
  }
}

function incoming(data: unknown): Incoming | undefined {
  const message = (data as { postel?: { type?: unknown; code?: unknown; path?: unknown } } | null)?.postel;
  if (message?.type === 'token' && typeof message.code === 'string') return { type: 'token', code: message.code };
  if (message?.type === 'navigate' && typeof message.path === 'string') return { type: 'navigate', path: message.path };
  return undefined;
}

function matches(origin: string, pattern: string): boolean {
  if (pattern === origin) return true;
  const wild = /^(https?:\/\/)\*\.([^/*]+)$/.exec(pattern);
  return wild !== null && origin.startsWith(wild[1] ?? '') && origin.endsWith(`.${wild[2]}`);
}

export function startEmbed(onCode: (code: string) => void, onNavigate: (path: string) => void): void {
  const asked = new URLSearchParams(location.search).get('embed');
  embedded.value = window.parent !== window && asked !== '0';
  if (!embedded.value) return;
  addEventListener('message', (event) => {
    if (event.source !== window.parent || !allowed().some((pattern) => matches(event.origin, pattern))) return;
    const message = incoming(event.data);
    if (message === undefined) return;
    host = event.origin;
    if (message.type === 'token') onCode(message.code);
    else onNavigate(message.path);
  });
  new ResizeObserver(() => tellHost({ type: 'size', height: document.documentElement.scrollHeight })).observe(document.body);
  tellHost({ type: 'ready' });
}
