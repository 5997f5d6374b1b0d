// The head of a page: where it belongs, its name, its state, its actions; then one sentence.

import { useTitle } from '../lib/title';
import { useTenant } from '../lib/tenant';
import { safeLine } from '../lib/safe-text';
import { Icon } from './icon';

export interface PageHead {
  title: string;
  /** The list that the page belongs to. */
  back?: { href: string; label: string };
  /** Beside the title: a status. */
  status?: preact.ComponentChildren;
  actions?: preact.ComponentChildren;
  children?: preact.ComponentChildren;
}

export function Page({ title, back, status, actions, children }: PageHead) {
  const { name } = useTenant();
  useTitle(title, name);
  return (
    <div class="page">
      <div class="page-head">
        <div class="page-title">
          {back !== undefined && (
            <a class="row nowrap" href={back.href}>
              <Icon name="back" />
              {back.label}
            </a>
          )}
          <h1>{safeLine(title)}</h1>
          {status}
        </div>
        {actions !== undefined && <div class="row">{actions}</div>}
      </div>
      {children}
    </div>
  );
}
