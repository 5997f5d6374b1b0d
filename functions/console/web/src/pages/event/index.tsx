import type { PageProps } from '../../app';
import { Page } from '../../parts/page';
import { texts } from '../../texts';

export default function EventPage(_props: PageProps) {
  const words = texts('events');
  return <Page title={words.title} />;
}
