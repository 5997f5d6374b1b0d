import type { PageProps } from '../../app';
import { Page } from '../../parts/page';
import { texts } from '../../texts';

export default function RedrivePage(_props: PageProps) {
  const words = texts('redrives');
  return <Page title={words.title} />;
}
