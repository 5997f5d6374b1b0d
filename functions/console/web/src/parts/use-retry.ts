// The button "Retry": asks for an attempt, shows each state, and says how it ended.

import { useEffect, useState } from 'preact/hooks';

import { asError } from '../api/problem';
import { type Delivery, type DeliveryDetail, requestRetry, waitForRetry } from '../lib/retry';
import { safeLine } from '../lib/safe-text';
import { useTenant } from '../lib/tenant';
import { texts } from '../texts';
import { sentence } from './state';
import { alarm, say } from './toast';

/** `put` shows the delivery as it is now, in place of what was shown: a member that has ended is absent. */
export function useRetry<T extends Delivery>(put: (now: T | DeliveryDetail) => void): (delivery: T) => Promise<void> {
  const { id: tenantId } = useTenant();
  const [leaving] = useState(() => new AbortController());
  useEffect(() => () => leaving.abort(), []);
  return async (delivery) => {
    const t = texts('log');
    try {
      put({ ...delivery, ...(await requestRetry(tenantId, delivery.id)), id: delivery.id });
      say(t.requeued);
      const settled = await waitForRetry(tenantId, delivery, { onChange: put, signal: leaving.signal });
      if (leaving.signal.aborted) return;
      if (settled === undefined) say(t.stillWaiting);
      else if (settled.status === 'completed') say(t.nowCompleted);
      else alarm(t.nowFailed(safeLine(texts('failures').ofDelivery(settled))));
    } catch (thrown) {
      alarm(sentence(asError(thrown)));
    }
  };
}
