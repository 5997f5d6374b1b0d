import { expect, it } from 'vitest';

import { placeOf, query, tenantHref, tenantOf } from './place';

it('finds the page behind a stage path', () => {
  expect(placeOf('/portal/webhooks')).toEqual({ prefix: '', kind: 'portal', root: '/portal/' });
  expect(placeOf('/_aws/execute-api/ab12/console/t/acme/log')).toEqual({ prefix: '/_aws/execute-api/ab12', kind: 'console', root: '/_aws/execute-api/ab12/console/' });
});

it('finds the tenant in the console only', () => {
  expect(tenantOf('/console/t/a%2Fb/log', placeOf('/console/t/a%2Fb/log'))).toBe('a/b');
  expect(tenantOf('/console/t/%E0%A4%A/log', placeOf('/console/'))).toBeUndefined();
  expect(tenantOf('/portal/t/acme', placeOf('/portal/t/acme'))).toBeUndefined();
});

it('writes addresses', () => {
  expect(tenantHref(placeOf('/console/'), 'a b', 'log')).toBe('/console/t/a%20b/log');
  expect(tenantHref(placeOf('/portal/'), 'acme', 'log')).toBe('/portal/log');
  expect(query({ a: 'x y', b: undefined, c: '' })).toBe('?a=x+y');
});
