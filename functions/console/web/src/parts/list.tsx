// A list with a cursor: how many there are, the new ones, which come when the person asks, the
// table, and more of it.

import type { ComponentChildren } from 'preact';
import { useLocation } from 'preact-iso';

import type { Pages } from '../lib/resource';
import { texts } from '../texts';
import { NothingMatches, Read } from './state';
import { type Column, More, Table } from './table';

interface ReadListProps<T> {
  list: Pages<T>;
  /** The address without filters, if there are any. */
  clear: string | undefined;
  /** Shown where there has never been anything. */
  empty: ComponentChildren;
  children: (rows: T[]) => ComponentChildren;
}

/** The list's right state. Without rows there may still be more: a filter looks through pages. */
export function ReadList<T>({ list, clear, empty, children }: ReadListProps<T>) {
  const { route } = useLocation();
  return (
    <Read from={list} rows={8}>
      {(rows) => {
        if (rows.length > 0 || list.more) return children(rows);
        return clear === undefined ? empty : <NothingMatches onClear={() => route(clear)} />;
      }}
    </Read>
  );
}

interface ListTableProps<T> {
  list: Pages<T>;
  rows: T[];
  caption: string;
  columns: Column<T>[];
  idOf: (row: T) => string;
  /** How many are shown, in words. */
  shown?: string;
  /** How many are new, in words. */
  fresh: (count: number) => string;
  /** Buttons of the list. */
  tools?: ComponentChildren;
  /** What is around the table. */
  wrap?: (table: ComponentChildren) => ComponentChildren;
}

export function ListTable<T>({ list, rows, caption, columns, idOf, shown, fresh, tools, wrap = (table) => table }: ListTableProps<T>) {
  const t = texts('log');
  const news = [list.fresh > 0 ? fresh(list.fresh) : undefined, list.gone > 0 ? t.gone(list.gone) : undefined].filter((text) => text !== undefined);
  return (
    <div class="stack-small">
      {/* It has its height from the beginning, so that nothing jumps. */}
      <div class="row spread list-bar">
        <span class="soft small">{shown}</span>
        <span class="row">
          <span role="status">
            {news.length > 0 && (
              <button type="button" class="button" onClick={list.showFresh}>
                {`${news.join(', ')}: ${t.showFresh}`}
              </button>
            )}
          </span>
          {tools}
        </span>
      </div>
      {wrap(<Table caption={caption} columns={columns} rows={rows} idOf={idOf} />)}
      <More list={list} label={list.loadingMore ? t.stillSearching : t.more} />
    </div>
  );
}
