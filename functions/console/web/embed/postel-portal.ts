// <postel-portal>: the portal in a frame of a customer's page. It asks the customer's backend for
// one-time codes, and never sees a session's token. The other half is src/lib/embed.ts; the
// attributes are in docs/console.md.

const MIN_HEIGHT = 240;
const MAX_HEIGHT = 20_000;
// A page that fails must not call the customer's backend in a loop.
const MIN_SECONDS_BETWEEN_CODES = 5;

class PostelPortal extends HTMLElement {
  static readonly observedAttributes = ['src', 'token-url', 'theme', 'accent', 'lang'];

  #frame: HTMLIFrameElement | undefined;
  #root: URL | undefined;
  #asked = 0;
  #waiting: ReturnType<typeof setTimeout> | undefined;
  #opening = 0;

  connectedCallback(): void {
    addEventListener('message', this.#hear);
    void this.#open();
  }

  disconnectedCallback(): void {
    removeEventListener('message', this.#hear);
    this.#opening += 1;
    clearTimeout(this.#waiting);
    this.#waiting = undefined;
    this.#frame?.remove();
    this.#frame = undefined;
  }

  attributeChangedCallback(_name: string, before: string | null, after: string | null): void {
    if (this.isConnected && before !== null && before !== after) void this.#open();
  }

  /** Opens another page of the portal, as `log` or `webhooks/new`. */
  navigate(path: string): void {
    this.#tell({ type: 'navigate', path });
  }

  async #open(): Promise<void> {
    const opening = (this.#opening += 1);
    try {
      const root = new URL(this.getAttribute('src') ?? '', document.baseURI);
      if (!/^https?:$/.test(root.protocol) || !root.pathname.endsWith('/')) throw new Error('src is no address that ends with a slash, as https://api.example.com/portal/');
      const code = await this.#code();
      // Attributes changed, or the element left the page, while the backend answered.
      if (opening !== this.#opening) return;
      const wanted = new URL(this.getAttribute('path') ?? '', root);
      const address = wanted.href.startsWith(root.href) ? wanted : root;
      for (const name of ['theme', 'accent', 'lang']) {
        const value = this.getAttribute(name);
        if (value !== null && value !== '') address.searchParams.set(name, value);
      }
      address.hash = new URLSearchParams({ s: code }).toString();
      this.#root = root;
      this.#show(address.href);
    } catch (thrown) {
      if (opening === this.#opening) this.#fail(thrown);
    }
  }

  #show(address: string): void {
    const frame = document.createElement('iframe');
    frame.title = this.title || 'Webhooks';
    // For the copy buttons.
    frame.allow = 'clipboard-write';
    Object.assign(frame.style, { display: 'block', width: '100%', height: `${MIN_HEIGHT}px`, border: '0', colorScheme: 'normal' });
    frame.src = address;
    this.#frame?.remove();
    this.#frame = frame;
    this.append(frame);
  }

  /** A new one-time code from the customer's backend, which knows who is signed in. */
  async #code(): Promise<string> {
    this.#asked = Date.now();
    const response = await fetch(this.getAttribute('token-url') ?? '', { method: 'POST', headers: { accept: 'application/json' } });
    if (!response.ok) throw new Error(`token-url answered ${response.status}`);
    const { code } = (await response.json()) as { code?: unknown };
    if (typeof code !== 'string') throw new Error('token-url answered no "code"; pass on what POST /v1/tenants/{tenantId}/sessions answers');
    return code;
  }

  #renewSoon(): void {
    if (this.#waiting !== undefined) return;
    const wait = this.#asked + MIN_SECONDS_BETWEEN_CODES * 1000 - Date.now();
    this.#waiting = setTimeout(() => void this.#renew(), Math.max(wait, 0));
  }

  async #renew(): Promise<void> {
    this.#waiting = undefined;
    try {
      this.#tell({ type: 'token', code: await this.#code() });
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  /** To the portal's origin only: should the frame show another, the browser drops the message. */
  #tell(message: { type: 'token'; code: string } | { type: 'navigate'; path: string }): void {
    if (this.#root !== undefined) this.#frame?.contentWindow?.postMessage({ postel: message }, this.#root.origin);
  }

  readonly #hear = (event: MessageEvent): void => {
    if (this.#frame === undefined || event.source !== this.#frame.contentWindow || event.origin !== this.#root?.origin) return;
    const message = (event.data as { postel?: { type?: unknown; height?: unknown; path?: unknown; title?: unknown } } | null)?.postel;
    if (message?.type === 'size' && typeof message.height === 'number' && Number.isFinite(message.height)) {
      this.#frame.style.height = `${Math.min(Math.max(message.height, MIN_HEIGHT), MAX_HEIGHT)}px`;
    } else if (message?.type === 'expiring') {
      this.#renewSoon();
    } else if (message?.type === 'navigated' && typeof message.path === 'string') {
      this.#emit('postel-navigated', { path: message.path, title: typeof message.title === 'string' ? message.title : '' });
    }
  };

  #fail(thrown: unknown): void {
    this.#emit('postel-error', { message: thrown instanceof Error ? thrown.message : String(thrown) });
  }

  #emit(name: string, detail: Record<string, string>): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
  }
}

if (customElements.get('postel-portal') === undefined) customElements.define('postel-portal', PostelPortal);
