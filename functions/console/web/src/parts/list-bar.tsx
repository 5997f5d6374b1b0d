// Above a list: how many there are, and the new ones, which come when the person asks. It has its
// height from the beginning, so that nothing jumps.

import type { ComponentChildren } from 'preact';

export interface ListBarProps {
  shown: ComponentChildren;
  /** How many are new, and that in words, with what the button does. */
  fresh: number;
  freshText: string;
  onFresh: () => void;
  children?: ComponentChildren;
}

export function ListBar({ shown, fresh, freshText, onFresh, children }: ListBarProps) {
  return (
    <div class="row spread list-bar">
      <span class="soft small">{shown}</span>
      <span class="row">
        <span role="status">
          {fresh > 0 && (
            <button type="button" class="button" onClick={onFresh}>
              {freshText}
            </button>
          )}
        </span>
        {children}
      </span>
    </div>
  );
}
