// Shapes of routes that the OpenAPI document does not have yet. Each goes when `schema.d.ts` has
// it.

export interface Me {
  kind: 'operator' | 'key' | 'session';
  id?: string;
  tenantId?: string;
  tenantName?: string;
  contract?: string;
  scopes: string[];
  expiresAt?: string;
  limits?: { webhooks: { used: number; allowed: number }; requestsPerMinute?: number };
  version: string;
}

export interface Exchanged {
  id: string;
  token: string;
  tenantId?: string;
  scopes: string[];
  expiresAt: string;
}
