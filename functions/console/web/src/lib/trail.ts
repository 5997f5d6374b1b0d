// The deliveries of the list that a person came from, so that the delivery's page can go on to the
// next. It lives with the tab.

import { recall, remember } from './store';

const STORED = 'postel.trail';
const MAX_IDS = 1000;

interface Trail {
  /** The list's address, to go back to. */
  href: string;
  ids: string[];
}

export function leaveTrail(href: string, ids: string[]): void {
  remember('sessionStorage', STORED, JSON.stringify({ href, ids: ids.slice(0, MAX_IDS) } satisfies Trail));
}

function stored(): Trail | undefined {
  try {
    const trail = JSON.parse(recall('sessionStorage', STORED) ?? 'null') as Partial<Trail> | null;
    if (typeof trail?.href !== 'string' || !Array.isArray(trail.ids)) return undefined;
    return { href: trail.href, ids: trail.ids.filter((id) => typeof id === 'string') };
  } catch {
    return undefined;
  }
}

export interface Neighbours {
  /** The list that this one is in, if the person came from there. */
  href?: string;
  previous?: string;
  next?: string;
}

export function neighboursOf(id: string, trail: Trail | undefined = stored()): Neighbours {
  const at = trail?.ids.indexOf(id) ?? -1;
  if (trail === undefined || at < 0) return {};
  return { href: trail.href, previous: trail.ids[at - 1], next: trail.ids[at + 1] };
}
