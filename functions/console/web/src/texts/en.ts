// English. This file gives the type of all languages.

import { base as enBase } from './en/base';
import { webhooks as enWebhooks } from './en/webhooks';

export const base = enBase;
export type Base = typeof enBase;

export const parts = {
  webhooks: async () => enWebhooks,
  webhook: async () => (await import('./en/webhook')).webhook,
  webhookForm: async () => (await import('./en/webhook-form')).webhookForm,
  log: async () => (await import('./en/log')).log,
  delivery: async () => (await import('./en/delivery')).delivery,
  failures: async () => (await import('./en/failures')).failures,
  events: async () => (await import('./en/events')).events,
  deadLetters: async () => (await import('./en/dead-letters')).deadLetters,
  redrives: async () => (await import('./en/redrives')).redrives,
  eventTypes: async () => (await import('./en/event-types')).eventTypes,
  inbox: async () => (await import('./en/inbox')).inbox,
  verify: async () => (await import('./en/verify')).verify,
  keys: async () => (await import('./en/keys')).keys,
  change: async () => (await import('./en/change')).change,
  charts: async () => (await import('./en/charts')).charts,
  help: async () => (await import('./en/help')).help,
  operator: async () => (await import('./en/operator')).operator,
};
export type Part = keyof typeof parts;
export type Parts = { [Name in Part]: Awaited<ReturnType<(typeof parts)[Name]>> };
