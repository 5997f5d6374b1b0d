import type { PageProps } from '../../app';
import { Page } from '../../parts/page';
import { texts } from '../../texts';

export default function DeliveryPage(_props: PageProps) {
  const words = texts('delivery');
  return <Page title={words.title} />;
}
