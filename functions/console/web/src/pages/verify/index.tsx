import { useLocation } from 'preact-iso';

import { api, take } from '../../api/client';
import { can } from '../../api/session';
import type { PageProps } from '../../app';
import { BUILTIN } from '../../lib/contracts';
import { useResource } from '../../lib/resource';
import { safeLine } from '../../lib/safe-text';
import { useTenant } from '../../lib/tenant';
import { Field } from '../../parts/field';
import { Page } from '../../parts/page';
import { Read } from '../../parts/state';
import { texts } from '../../texts';
import { VerifyPanel } from './panel';

export default function VerifyPage({ query }: PageProps) {
  const words = texts('verify');
  const { id: tenantId, contract, href } = useTenant();
  const { route } = useLocation();
  const webhooks = useResource(
    `verify ${tenantId}`,
    async (signal) => (can('webhooks:read') ? (await take(api.GET('/v1/tenants/{tenantId}/webhooks', { params: { path: { tenantId }, query: { limit: 250 } }, signal }))).items : []),
    { refresh: false },
  );
  return (
    <Page title={words.title}>
      <p class="soft">{words.lead}</p>
      <Read from={webhooks}>
        {(items) => {
          const chosen = items.find((one) => one.id === query['webhook']) ?? (query['contract'] === undefined ? items[0] : undefined);
          const name = chosen?.contract ?? query['contract'] ?? contract ?? 'standard';
          const names = [...new Set([...(contract === undefined ? [] : [contract]), ...BUILTIN.map((one) => one.name)])];
          const go = (to: string): void => route(href(`verify?${to}`), true);
          return (
            <>
              <div class="verify-fields">
                {items.length > 0 && (
                  <Field name="webhook" label={words.webhook} shown>
                    {(attributes) => (
                      <select {...attributes} value={chosen?.id ?? ''} onChange={(event) => go(event.currentTarget.value === '' ? `contract=${encodeURIComponent(name)}` : `webhook=${encodeURIComponent(event.currentTarget.value)}`)}>
                        {items.map((one) => (
                          <option key={one.id} value={one.id}>
                            {safeLine(one.name ?? one.id)} ({one.contract})
                          </option>
                        ))}
                        <option value="">{words.noWebhook}</option>
                      </select>
                    )}
                  </Field>
                )}
                {chosen === undefined && (
                  <Field name="contract" label={words.contractOnly} shown>
                    {(attributes) => (
                      <select {...attributes} value={name} onChange={(event) => go(`contract=${encodeURIComponent(event.currentTarget.value)}`)}>
                        {names.map((one) => (
                          <option key={one} value={one}>
                            {one}
                          </option>
                        ))}
                      </select>
                    )}
                  </Field>
                )}
              </div>
              <VerifyPanel key={name} contractName={name} />
            </>
          );
        }}
      </Read>
    </Page>
  );
}
