// A link into a tenant's portal, with chosen rights and a chosen end.

import { useRef, useState } from 'preact/hooks';

import { api, take } from '../../api/client';
import { asError } from '../../api/problem';
import { place } from '../../lib/place';
import { now } from '../../lib/refresh';
import { safeLine } from '../../lib/safe-text';
import { Copy } from '../../parts/copy';
import { Dialog } from '../../parts/dialog';
import { Field, FieldError } from '../../parts/field';
import { sentence } from '../../parts/state';
import { Notice } from '../../parts/status';
import { base, texts } from '../../texts';
import type { Tenant } from '.';

const SCOPES = ['webhooks:read', 'webhooks:write', 'deliveries:read', 'deliveries:retry', 'keys', 'events:write', 'events:erase'];
const FIRST = ['webhooks:read', 'webhooks:write', 'deliveries:read', 'deliveries:retry'];
const HOURS = [1, 8, 24];
/** How long a code can be exchanged. */
const CODE_MS = 60_000;

export function PortalLink({ tenant, onClose }: { tenant: Pick<Tenant, 'id' | 'name'>; onClose: () => void }) {
  const words = texts('operator').tenants.link;
  const [scopes, setScopes] = useState(FIRST);
  const [hours, setHours] = useState('1');
  const [error, setError] = useState<string | undefined>();
  const [busy, setBusy] = useState(false);
  const [made, setMade] = useState<{ url: string; until: number } | null>(null);
  const make = async (): Promise<void> => {
    if (busy) return;
    if (scopes.length === 0) {
      setError(words.noScope);
      return;
    }
    setBusy(true);
    setError(undefined);
    try {
      const { code } = await take(api.POST('/v1/tenants/{tenantId}/sessions', { params: { path: { tenantId: tenant.id } }, body: { scopes, expiresInSeconds: Number(hours) * 3600 } }));
      setMade({ url: portalUrl(code), until: Date.now() + CODE_MS });
    } catch (thrown) {
      setError(sentence(asError(thrown)));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog
      title={words.title(safeLine(tenant.name ?? tenant.id))}
      onClose={onClose}
      foot={
        <>
          <button type="button" class="button" onClick={onClose}>
            {base().words.close}
          </button>
          <button type="button" class="button primary" aria-disabled={busy} onClick={() => void make()}>
            {made === null ? words.make : words.again}
          </button>
        </>
      }
    >
      <p>{words.text}</p>
      <fieldset class="stack-small">
        <legend>{words.scopes}</legend>
        {SCOPES.map((scope) => (
          <label class="check" key={scope}>
            <input type="checkbox" checked={scopes.includes(scope)} onChange={(event) => setScopes(event.currentTarget.checked ? [...scopes, scope] : scopes.filter((one) => one !== scope))} />
            <span>
              {texts('keys').scopes[scope]} <code class="soft">{scope}</code>
            </span>
          </label>
        ))}
      </fieldset>
      <Field name="hours" label={words.end} shown>
        {(attributes) => (
          <select {...attributes} value={hours} onChange={(event) => setHours(event.currentTarget.value)}>
            {HOURS.map((one) => (
              <option key={one} value={one}>
                {words.hours(one)}
              </option>
            ))}
          </select>
        )}
      </Field>
      <FieldError id="portal-link-error" error={error} />
      {made !== null && <Made key={made.url} url={made.url} until={made.until} />}
    </Dialog>
  );
}

/** The portal beside this console. The answer's own `url` may name a host that only the API knows. */
const portalUrl = (code: string): string => new URL(`${place.prefix}/portal/#s=${encodeURIComponent(code)}`, location.origin).href;

function Made({ url, until }: { url: string; until: number }) {
  const words = texts('operator').tenants.link;
  const field = useRef<HTMLInputElement>(null);
  const left = Math.ceil((until - now.value) / 1000);
  if (left <= 0) return <Notice tone="warn">{words.gone}</Notice>;
  return (
    <div class="stack-small">
      <Field name="url" label={words.label} help={words.expires(left)} shown>
        {(attributes) => <input {...attributes} ref={field} class="mono" readOnly value={url} onFocus={(event) => event.currentTarget.select()} />}
      </Field>
      <div class="row">
        <Copy text={url} what={words.what} target={field} word />
        <a class="button" href={url} target="_blank" rel="noopener noreferrer">
          {words.open}
        </a>
      </div>
    </div>
  );
}
