import { Page } from '../../parts/page';
import { base } from '../../texts';

export default function MissingPage() {
  const words = base().states;
  return (
    <Page title={words.missingTitle}>
      <p>{words.missingText}</p>
    </Page>
  );
}
