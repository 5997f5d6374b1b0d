import type { PageProps } from '../../app';
import { Page } from '../../parts/page';
import { texts } from '../../texts';

export default function ContractsPage(_props: PageProps) {
  const words = texts('operator');
  return <Page title={words.title} />;
}
