import { describe, expect, it } from 'vitest';
import { neighboursOf } from './trail';

const trail = { href: '/portal/log?status=failed', ids: ['a', 'b', 'c'] };

describe('the way through a list', () => {
  it.each([
    ['a', { href: trail.href, previous: undefined, next: 'b' }],
    ['b', { href: trail.href, previous: 'a', next: 'c' }],
    ['c', { href: trail.href, previous: 'b', next: undefined }],
    ['d', {}],
  ])('%s has its neighbours', (id, neighbours) => {
    expect(neighboursOf(id, trail)).toEqual(neighbours);
  });

  it('is absent for somebody who came by a link', () => {
    expect(neighboursOf('a', undefined)).toEqual({});
  });
});
