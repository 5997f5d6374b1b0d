// Retries a delivery by hand, and waits for what comes of it.

import { api, take } from '../api/client';
import type { components } from '../api/schema';
import { isSettled, poll } from './poll';

type Schemas = components['schemas'];

export type Delivery = Schemas['Delivery'];
export type DeliveryDetail = Schemas['DeliveryDetail'];
export type Attempt = Schemas['Attempt'];

export interface Retried {
  /** Each state on the way. */
  onChange: (delivery: DeliveryDetail) => void;
  signal: AbortSignal;
}

export function readDelivery(tenantId: string, deliveryId: string, signal?: AbortSignal): Promise<DeliveryDetail> {
  return take(api.GET('/v1/tenants/{tenantId}/deliveries/{deliveryId}', { params: { path: { tenantId, deliveryId } }, signal }));
}

/** Asks for an attempt. Throws what the API refuses. */
export function requestRetry(tenantId: string, deliveryId: string): Promise<Delivery> {
  return take(api.POST('/v1/tenants/{tenantId}/deliveries/{deliveryId}/retry', { params: { path: { tenantId, deliveryId } } }));
}

/** The delivery after the attempt; `undefined` if that takes longer than the page waits. */
export function waitForRetry(tenantId: string, before: Delivery, { onChange, signal }: Retried): Promise<DeliveryDetail | undefined> {
  const ask = async (): Promise<DeliveryDetail> => {
    const delivery = await readDelivery(tenantId, before.id, signal);
    onChange(delivery);
    return delivery;
  };
  return poll(ask, (now) => isSettled(before, now), { signal });
}
