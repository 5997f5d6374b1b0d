// The catalogue of event types, whole: it is short, and a search looks through all of it.

import { api, take } from '../api/client';
import type { components } from '../api/schema';
import { everyPage } from './every-page';

export type EventTypeEntry = components['schemas']['EventTypeEntry'];

export async function catalogueOf(signal?: AbortSignal): Promise<EventTypeEntry[]> {
  return (await everyPage((cursor) => take(api.GET('/v1/event-types', { params: { query: { limit: 250, cursor } }, signal })))).items;
}
