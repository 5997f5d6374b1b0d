import type { PageProps } from '../../app';
import { Page } from '../../parts/page';
import { texts } from '../../texts';

export default function LogPage(_props: PageProps) {
  const words = texts('log');
  return <Page title={words.title} />;
}
