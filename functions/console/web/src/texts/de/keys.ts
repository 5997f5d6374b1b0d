import type { Parts } from '../en';

export const keys: Parts['keys'] = {
  title: 'API-Schlüssel',
};
