import { describe, expect, it } from 'vitest';

import { compared } from './resource';

const row = (id: string, state = 'old') => ({ id, state });
const shown = [row('d'), row('c'), row('b'), row('a')];
const idOf = ({ id }: { id: string }): string => id;

describe('a list that is read again', () => {
  it('changes rows in place, and counts new ones', () => {
    const page = { items: [row('e'), row('d', 'new'), row('c')], nextCursor: 'x' };
    const now = compared(shown, page, idOf);
    expect(now.items.map(({ id, state }) => `${id} ${state}`)).toEqual(['d new', 'c old', 'b old', 'a old']);
    expect(now.waiting.map(idOf)).toEqual(['e']);
    expect(now.gone).toEqual([]);
    expect(now.behind).toBeUndefined();
  });

  it('counts rows that are gone, as far as the first page reaches', () => {
    expect(compared(shown, { items: [row('d'), row('b')], nextCursor: 'x' }, idOf).gone).toEqual(['c']);
    expect(compared(shown, { items: [row('d'), row('b')] }, idOf).gone).toEqual(['c', 'a']);
    expect(compared(shown, { items: [] }, idOf).gone).toEqual(['d', 'c', 'b', 'a']);
  });

  it('knows that more may be between, if all of a page is new', () => {
    const page = { items: [row('g'), row('f')], nextCursor: 'x' };
    expect(compared(shown, page, idOf).behind).toBe(page);
    expect(compared(shown, { items: page.items }, idOf).behind).toBeUndefined();
  });
});
