import type { PageProps } from '../../app';
import { Page } from '../../parts/page';
import { texts } from '../../texts';

export default function DeadLettersPage(_props: PageProps) {
  const words = texts('deadLetters');
  return <Page title={words.title} />;
}
