import type { Parts } from '../en';

export const verify: Parts['verify'] = {
  title: 'Signatur prüfen',
};
