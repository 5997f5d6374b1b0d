// Above a list: how many there are, and the new ones, which come when the person asks. It has its
// height from the beginning, so that nothing jumps.

import type { ComponentChildren } from 'preact';

export interface ListBarProps {
  shown: ComponentChildren;
  /** What is new, and what is gone, in words; empty if nothing is. */
  news: string[];
  /** What the button does. */
  show: string;
  onFresh: () => void;
  children?: ComponentChildren;
}

export function ListBar({ shown, news, show, onFresh, children }: ListBarProps) {
  return (
    <div class="row spread list-bar">
      <span class="soft small">{shown}</span>
      <span class="row">
        <span role="status">
          {news.length > 0 && (
            <button type="button" class="button" onClick={onFresh}>
              {`${news.join(', ')}: ${show}`}
            </button>
          )}
        </span>
        {children}
      </span>
    </div>
  );
}

/** In words, for the bar. */
export function newsOf({ fresh, gone }: { fresh: number; gone: number }, freshText: (n: number) => string, goneText: (n: number) => string): string[] {
  return [fresh > 0 ? freshText(fresh) : undefined, gone > 0 ? goneText(gone) : undefined].filter((text) => text !== undefined);
}
