import type { PageProps } from '../../app';
import { Page } from '../../parts/page';
import { texts } from '../../texts';

export default function VerifyPage(_props: PageProps) {
  const words = texts('verify');
  return <Page title={words.title} />;
}
