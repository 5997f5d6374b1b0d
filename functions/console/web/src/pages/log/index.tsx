import type { PageProps } from '../../app';
import { Page } from '../../parts/page';
import { texts } from '../../texts';
import { LogView } from './view';

export default function LogPage({ query }: PageProps) {
  return (
    <Page title={texts('log').title}>
      <LogView query={query} />
    </Page>
  );
}
