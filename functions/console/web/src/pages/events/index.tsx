import type { PageProps } from '../../app';
import { Page } from '../../parts/page';
import { texts } from '../../texts';

export default function EventsPage(_props: PageProps) {
  const words = texts('events');
  return <Page title={words.title} />;
}
