// All pages of a list that the page needs as a whole.

import type { Page } from './resource';

export interface Whole<T> {
  items: T[];
  /** There are more than were read. */
  more: boolean;
}

/** Reads page after page, at most `pages` of them. */
export async function everyPage<T>(read: (cursor: string | undefined) => Promise<Page<T>>, pages = 40): Promise<Whole<T>> {
  const items: T[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < pages; page += 1) {
    const answer = await read(cursor);
    items.push(...answer.items);
    cursor = answer.nextCursor;
    if (cursor === undefined) break;
  }
  return { items, more: cursor !== undefined };
}
