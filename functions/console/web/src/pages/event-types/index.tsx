import type { PageProps } from '../../app';
import { Page } from '../../parts/page';
import { texts } from '../../texts';

export default function EventTypesPage(_props: PageProps) {
  const words = texts('eventTypes');
  return <Page title={words.title} />;
}
