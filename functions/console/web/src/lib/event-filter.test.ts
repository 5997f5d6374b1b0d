import { expect, test } from 'vitest';

import { wants } from './event-filter';

test('a filter selects a type, a component and everything below it, or everything', () => {
  expect(wants(['*'], 'a.b')).toBe(true);
  expect(wants(['item.*'], 'item.created')).toBe(true);
  expect(wants(['item.*'], 'item.a.b')).toBe(true);
  expect(wants(['item.*'], 'item')).toBe(false);
  expect(wants(['item.*'], 'items.created')).toBe(false);
  expect(wants(['item.created', 'x'], 'item.created')).toBe(true);
  expect(wants(['Item.created'], 'item.created')).toBe(false);
  expect(wants([], 'item.created')).toBe(false);
});
