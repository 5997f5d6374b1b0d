// German.

import { base as deBase } from './de/base';
import { webhooks as deWebhooks } from './de/webhooks';
import type { Base, Part, Parts } from './en';

export const base: Base = deBase;

export const parts: { [Name in Part]: () => Promise<Parts[Name]> } = {
  webhooks: async () => deWebhooks,
  webhook: async () => (await import('./de/webhook')).webhook,
  webhookForm: async () => (await import('./de/webhook-form')).webhookForm,
  log: async () => (await import('./de/log')).log,
  delivery: async () => (await import('./de/delivery')).delivery,
  failures: async () => (await import('./de/failures')).failures,
  events: async () => (await import('./de/events')).events,
  deadLetters: async () => (await import('./de/dead-letters')).deadLetters,
  redrives: async () => (await import('./de/redrives')).redrives,
  eventTypes: async () => (await import('./de/event-types')).eventTypes,
  inbox: async () => (await import('./de/inbox')).inbox,
  verify: async () => (await import('./de/verify')).verify,
  keys: async () => (await import('./de/keys')).keys,
  change: async () => (await import('./de/change')).change,
  charts: async () => (await import('./de/charts')).charts,
  help: async () => (await import('./de/help')).help,
  operator: async () => (await import('./de/operator')).operator,
};
