import type { PageProps } from '../../app';
import { Page } from '../../parts/page';
import { texts } from '../../texts';

export default function HelpPage(_props: PageProps) {
  const words = texts('help');
  return <Page title={words.title} />;
}
