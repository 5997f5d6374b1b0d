// A real table; where the page is narrow, each row is a card with the same facts (styles/parts.css). The roles
// are written out because `display: block` takes them away.

import { base } from '../texts';
import { InTable } from './hint';

export interface Column<T> {
  id: string;
  head: preact.ComponentChildren;
  /** The name in a card, if `head` is no text. */
  label?: string;
  cell: (row: T) => preact.ComponentChildren;
  number?: boolean;
  /** What the column means. */
  hint?: string;
  /** `actions`: the last cell, without a name in the card. */
  kind?: 'name' | 'actions';
}

export interface TableProps<T> {
  caption: string;
  columns: Column<T>[];
  rows: T[];
  idOf: (row: T) => string;
}

export function Table<T>({ caption, columns, rows, idOf }: TableProps<T>) {
  return (
    <InTable.Provider value>
      <table class="table" role="table">
        <caption class="visually-hidden">{caption}</caption>
        <thead role="rowgroup">
          <tr role="row">
            {columns.map((column) => (
              <th key={column.id} scope="col" role="columnheader" class={column.number === true ? 'number' : undefined}>
                {column.hint === undefined ? (
                  column.head
                ) : (
                  <span tabIndex={0} data-hint={column.hint}>
                    {column.head}
                  </span>
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {rows.map((row) => (
            <tr key={idOf(row)} role="row" data-id={idOf(row)}>
              {columns.map((column) =>
                column.kind === 'name' ? (
                  <th key={column.id} scope="row" role="rowheader">
                    {column.cell(row)}
                  </th>
                ) : (
                  <td
                    key={column.id}
                    role="cell"
                    class={column.kind === 'actions' ? 'cell-actions' : column.number === true ? 'number' : undefined}
                    data-label={column.label ?? (typeof column.head === 'string' ? column.head : undefined)}
                  >
                    {column.cell(row)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </InTable.Provider>
  );
}

/** Below a list with a cursor. */
export function More({ list, label }: { list: { more: boolean; loadingMore: boolean; loadMore: () => Promise<void> }; label?: string }) {
  if (!list.more) return null;
  return (
    <button type="button" class="button" aria-disabled={list.loadingMore} onClick={() => void list.loadMore()}>
      {label ?? base().words.loadMore}
    </button>
  );
}
