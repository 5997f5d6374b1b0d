// The parts of other pages that a webhook's page shows, loaded when their tab is opened.

import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';

import { Broken, Loading } from '../../parts/state';
import type { Webhook } from '../webhooks/data';

function useLater<Props>(load: () => Promise<ComponentType<Props>>): { part?: ComponentType<Props>; broken?: boolean } {
  const [state, setState] = useState<{ part?: ComponentType<Props>; broken?: boolean }>({});
  useEffect(() => {
    void load().then(
      (part) => setState({ part }),
      () => setState({ broken: true }),
    );
  }, []);
  return state;
}

export function VerifyTab({ contract }: { contract: string }) {
  const { part: Panel, broken } = useLater(async () => (await import('../verify/panel')).VerifyPanel);
  if (broken === true) return <Broken part />;
  return Panel === undefined ? <Loading rows={4} /> : <Panel contractName={contract} />;
}

export function InboxTab({ webhook }: { webhook: Webhook }) {
  const { part: View, broken } = useLater(async () => (await import('./inbox')).Inbox);
  if (broken === true) return <Broken part />;
  return View === undefined ? <Loading rows={6} /> : <View webhook={webhook} />;
}

export function Charts({ tenantId, webhookId }: { tenantId: string; webhookId: string }) {
  const { part: View, broken } = useLater(async () => (await import('../../parts/delivery-charts')).DeliveryCharts);
  if (broken === true) return <Broken part />;
  return View === undefined ? <Loading rows={6} /> : <View tenantId={tenantId} webhookId={webhookId} />;
}
