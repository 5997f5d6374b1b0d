import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';

import { safeLine } from './safe-text';

/** The page's name: in the tab, and announced after a change of page. */
export const pageTitle = signal('');

/** Sets the document's title: the page's name, then the organisation's. */
export function useTitle(title: string, organisation?: string): void {
  useEffect(() => {
    const name = safeLine(title);
    pageTitle.value = name;
    document.title = organisation === undefined || organisation === '' ? name : `${name} – ${safeLine(organisation)}`;
  }, [title, organisation]);
}
