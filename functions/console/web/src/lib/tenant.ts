// The tenant of the page: the session's in the portal, the path's in the console.

import { createContext } from 'preact';
import { useContext } from 'preact/hooks';

import { place, tenantHref } from './place';

export interface Tenant {
  id: string;
  name?: string;
  contract?: string;
  /** How many webhooks it has and may have, if that is known. */
  webhooks?: { used: number; allowed: number };
}

export const TenantContext = createContext<Tenant>({ id: '' });

export interface Here extends Tenant {
  /** The address of one of its pages; `path` has no leading slash. */
  href: (path: string) => string;
}

export function useTenant(): Here {
  const tenant = useContext(TenantContext);
  return { ...tenant, href: (path) => tenantHref(place, tenant.id, path) };
}
