// The parts of other pages that a webhook's page shows, loaded when their tab is opened.

import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';

import { asError, type ApiError } from '../../api/problem';
import { Failed, Loading } from '../../parts/state';

function useLater<Props>(load: () => Promise<ComponentType<Props>>): { part?: ComponentType<Props>; error?: ApiError } {
  const [state, setState] = useState<{ part?: ComponentType<Props>; error?: ApiError }>({});
  useEffect(() => {
    void load().then(
      (part) => setState({ part }),
      (thrown: unknown) => setState({ error: asError(thrown) }),
    );
  }, []);
  return state;
}

export function VerifyTab({ contract }: { contract: string }) {
  const { part: Panel, error } = useLater(async () => (await import('../verify/panel')).VerifyPanel);
  if (error !== undefined) return <Failed error={error} />;
  return Panel === undefined ? <Loading rows={4} /> : <Panel contractName={contract} />;
}

export function LogTab({ webhookId, contract, query }: { webhookId: string; contract: string; query: Record<string, string> }) {
  const { part: View, error } = useLater(async () => (await import('../log/view')).LogView);
  if (error !== undefined) return <Failed error={error} />;
  return View === undefined ? <Loading rows={6} /> : <View webhookId={webhookId} contract={contract} query={query} />;
}

export function Charts({ tenantId, webhookId }: { tenantId: string; webhookId: string }) {
  const { part: View, error } = useLater(async () => (await import('../../parts/delivery-charts')).DeliveryCharts);
  if (error !== undefined) return <Failed error={error} />;
  return View === undefined ? <Loading rows={6} /> : <View tenantId={tenantId} webhookId={webhookId} />;
}
