import { describe, expect, it } from 'vitest';

import { match } from './router';

describe('a pattern', () => {
  it('gives the parts that it names, decoded', () => {
    expect(match('/console/t/a%2Fb/webhooks/wh_1', '/console/t/:tenantId/webhooks/:id')).toEqual({ tenantId: 'a/b', id: 'wh_1' });
    expect(match('/portal', '/portal/')).toEqual({});
  });

  it('is of paths of its own length and words alone', () => {
    expect(match('/portal/webhooks/new/more', '/portal/webhooks/:id')).toBeUndefined();
    expect(match('/portal/webhooks', '/portal/webhooks/:id')).toBeUndefined();
    expect(match('/portal/log', '/portal/webhooks')).toBeUndefined();
  });

  it('takes no part that cannot be decoded', () => {
    expect(match('/portal/webhooks/%E0%A4%A', '/portal/webhooks/:id')).toBeUndefined();
  });
});
