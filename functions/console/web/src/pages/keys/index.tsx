import type { PageProps } from '../../app';
import { Page } from '../../parts/page';
import { texts } from '../../texts';

export default function KeysPage(_props: PageProps) {
  const words = texts('keys');
  return <Page title={words.title} />;
}
