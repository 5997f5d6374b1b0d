// What is folded away is not drawn either: it may be large.

import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';

export function Fold({ summary, children }: { summary: ComponentChildren; children: () => ComponentChildren }) {
  const [open, setOpen] = useState(false);
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{summary}</summary>
      {open && children()}
    </details>
  );
}
