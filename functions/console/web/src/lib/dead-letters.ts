// Dead letters and the jobs that send them again.

import { api, take } from '../api/client';
import type { components } from '../api/schema';

type Schemas = components['schemas'];
export type DeadLetter = Schemas['DeadLetter'];
export type Redrive = Schemas['Redrive'];
export type RedriveEstimate = Schemas['RedriveEstimate'];

/** Reasons of deliveries: a tenant redrives these by a job. */
export const DELIVERY_REASONS = ['exhausted', 'refused', 'gone', 'address_blocked', 'invalid_url', 'webhook_inactive', 'undeliverable', 'event_erased'];
/** Reasons of messages that never became an event. */
export const MESSAGE_REASONS = ['malformed_json', 'invalid_event', 'payload_too_large', 'sender_not_allowed', 'id_conflict'];
/** Reasons of messages of which nobody is known whose they are. */
export const NOBODYS_REASONS = ['malformed_json', 'invalid_event', 'payload_too_large', 'unknown_tenant', 'sender_not_allowed'];

/** Which dead letters a job sends again. */
export interface RedriveChoice {
  webhookId?: string;
  type?: string;
  reason?: string;
  since?: string;
  until?: string;
}

export function estimate(tenantId: string, choice: RedriveChoice, signal?: AbortSignal): Promise<RedriveEstimate> {
  return take(api.POST('/v1/tenants/{tenantId}/redrives/estimate', { params: { path: { tenantId } }, body: choice, signal }));
}

export function startRedrive(tenantId: string, choice: RedriveChoice, ratePerSecond: number): Promise<Redrive> {
  return take(api.POST('/v1/tenants/{tenantId}/redrives', { params: { path: { tenantId } }, body: { ...choice, ratePerSecond } }));
}

export function readRedrive(tenantId: string, redriveId: string, signal?: AbortSignal): Promise<Redrive> {
  return take(api.GET('/v1/tenants/{tenantId}/redrives/{redriveId}', { params: { path: { tenantId, redriveId } }, signal }));
}

export function stopRedrive(tenantId: string, redriveId: string): Promise<Redrive> {
  return take(api.POST('/v1/tenants/{tenantId}/redrives/{redriveId}/cancel', { params: { path: { tenantId, redriveId } } }));
}
