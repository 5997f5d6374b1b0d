import { expect, test } from 'vitest';

import { everyPage } from './every-page';

const pages: Record<string, { items: number[]; nextCursor?: string }> = { '': { items: [1, 2], nextCursor: 'a' }, a: { items: [], nextCursor: 'b' }, b: { items: [3] } };
const read = async (cursor: string | undefined) => pages[cursor ?? ''] ?? { items: [] };

test('every page is read, also behind an empty one', async () => {
  expect(await everyPage(read)).toEqual({ items: [1, 2, 3], more: false });
});

test('it ends at the limit and says that there is more', async () => {
  expect(await everyPage(read, 2)).toEqual({ items: [1, 2], more: true });
});
