// Takes an id and goes to its page: a delivery's and a webhook's by how it begins, otherwise an
// event's, otherwise a webhook's with an id of its own.

import { useLocation } from 'preact-iso';
import { useEffect, useId, useState } from 'preact/hooks';

import { api, take } from '../api/client';
import { asError } from '../api/problem';
import { leave } from '../lib/leave';
import { segment } from '../lib/place';
import { middle, safeLine } from '../lib/safe-text';
import { useTenant } from '../lib/tenant';
import { Icon } from '../parts/icon';
import { sentence } from '../parts/state';
import { base } from '../texts';

const MAX_ID = 256;

export function Search() {
  const words = base().search;
  const { href, id: tenantId } = useTenant();
  const { path: page, route } = useLocation();
  const [error, setError] = useState<string | undefined>();
  const id = useId();
  useEffect(() => setError(undefined), [page]);

  const exists = async (call: Promise<unknown>): Promise<boolean> => {
    try {
      await call;
      return true;
    } catch (thrown) {
      const problem = asError(thrown);
      if (problem.status === 404 || problem.status === 400) return false;
      throw problem;
    }
  };
  const find = async (wanted: string): Promise<string | undefined> => {
    if (wanted.startsWith('dlv_')) return `deliveries/${segment(wanted)}`;
    const path = { tenantId, eventId: wanted, webhookId: wanted };
    if (wanted.startsWith('wh_') && (await exists(take(api.GET('/v1/tenants/{tenantId}/webhooks/{webhookId}', { params: { path } }))))) return `webhooks/${segment(wanted)}`;
    if (await exists(take(api.GET('/v1/tenants/{tenantId}/events/{eventId}', { params: { path } })))) return `events/${segment(wanted)}`;
    if (await exists(take(api.GET('/v1/tenants/{tenantId}/webhooks/{webhookId}', { params: { path } })))) return `webhooks/${segment(wanted)}`;
    return undefined;
  };
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const input = (event.currentTarget as HTMLFormElement).querySelector('input');
    const wanted = input?.value.trim() ?? '';
    if (wanted === '') return;
    if (wanted.length > MAX_ID || /[\s/?#]/.test(wanted)) {
      setError(words.unknown);
      return;
    }
    try {
      const path = await find(wanted);
      if (path === undefined) {
        setError(words.nothing(middle(safeLine(wanted), 40)));
        return;
      }
      setError(undefined);
      leave(() => {
        if (input !== null) input.value = '';
        route(href(path));
      });
    } catch (thrown) {
      setError(sentence(asError(thrown)));
    }
  };
  return (
    <form class="search" role="search" onSubmit={(event) => void submit(event)}>
      <Icon name="search" />
      <input
        type="search"
        aria-label={words.label}
        placeholder={words.placeholder}
        autocomplete="off"
        spellcheck={false}
        enterkeyhint="search"
        aria-invalid={error !== undefined || undefined}
        aria-describedby={error === undefined ? undefined : id}
        onInput={() => setError(undefined)}
      />
      {error !== undefined && (
        <span class="field-error" id={id} role="alert">
          {error}
        </span>
      )}
    </form>
  );
}
