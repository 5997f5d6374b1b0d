import { api, take } from '../../api/client';
import { can } from '../../api/session';
import type { PageProps } from '../../app';
import { useResource } from '../../lib/resource';
import { useTenant } from '../../lib/tenant';
import { Page } from '../../parts/page';
import { Read } from '../../parts/state';
import { texts } from '../../texts';
import { FindCause } from './find-cause';

export default function HelpPage({ query }: PageProps) {
  const words = texts('help');
  const { id: tenantId, href, webhooks: limit } = useTenant();
  const loaded = useResource(
    `help ${tenantId}`,
    async (signal) => {
      const [webhooks, types] = await Promise.all([
        can('webhooks:read') ? take(api.GET('/v1/tenants/{tenantId}/webhooks', { params: { path: { tenantId }, query: { limit: 250 } }, signal })) : { items: [] },
        take(api.GET('/v1/event-types', { params: { query: { limit: 250 } }, signal })),
      ]);
      return { webhooks: webhooks.items, types: types.items.map((one) => one.type) };
    },
    { refresh: false },
  );
  const causes = (list: readonly string[]) => (
    <ul class="help-list">
      {list.map((one) => (
        <li key={one}>{one}</li>
      ))}
    </ul>
  );
  return (
    <Page title={words.title}>
      <p class="soft">{words.lead}</p>
      <Section title={words.nothing.title}>
        <Read from={loaded}>{({ webhooks, types }) => <FindCause webhooks={webhooks} types={types} first={query['webhook']} />}</Read>
      </Section>
      <Section title={words.signature.title}>
        {causes(words.signature.causes)}
        <a href={href('verify')}>{words.signature.link}</a>
      </Section>
      <Section title={words.failing.title}>
        {causes(words.failing.causes)}
        <a href={href('log?status=failed')}>{words.failing.link}</a>
      </Section>
      <Section title={words.off.title}>
        <p>{words.off.text}</p>
        <a href={href('dead-letters')}>{words.off.link}</a>
      </Section>
      <Section title={words.twice.title}>
        <p>{words.twice.text}</p>
      </Section>
      <Section title={words.works.title}>
        {causes(words.works.signs)}
        <a href={href('log')}>{words.works.link}</a>
      </Section>
      <Section title={words.receiver.title}>{causes(words.receiver.advice)}</Section>
      <Section title={words.limits.title}>
        <ul class="help-list">
          {limit !== undefined && loaded.data !== undefined && <li>{words.limits.webhooks(loaded.data.webhooks.length, limit.allowed)}</li>}
          <li>{words.limits.events}</li>
        </ul>
      </Section>
    </Page>
  );
}

function Section({ title, children }: { title: string; children: preact.ComponentChildren }) {
  return (
    <section class="card stack-small">
      <h2>{title}</h2>
      {children}
    </section>
  );
}
