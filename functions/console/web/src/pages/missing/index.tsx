import { place } from '../../lib/place';
import { Page } from '../../parts/page';
import { base } from '../../texts';

export default function MissingPage() {
  const { nav, states: words } = base();
  return (
    <Page title={words.missingTitle}>
      <p>{words.missingText}</p>
      <p>
        <a href={place.root}>{place.kind === 'console' ? nav.overview : nav.webhooks}</a>
      </p>
    </Page>
  );
}
