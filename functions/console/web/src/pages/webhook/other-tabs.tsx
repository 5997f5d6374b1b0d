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
