import type { PageProps } from '../../app';
import { useTenant } from '../../lib/tenant';
import { vendorLog } from '../../lib/vendor-log';
import { Page } from '../../parts/page';
import { texts } from '../../texts';
import { LogView } from './view';

export default function LogPage({ query }: PageProps) {
  const { contract } = useTenant();
  return (
    <Page title={vendorLog(contract).title ?? texts('log').title}>
      <LogView query={query} contract={contract} />
    </Page>
  );
}
