import type { PageProps } from '../../app';
import { Page } from '../../parts/page';
import { texts } from '../../texts';

export default function WebhooksPage(_props: PageProps) {
  const words = texts('webhooks');
  return <Page title={words.title} />;
}
