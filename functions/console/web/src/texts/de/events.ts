import type { Parts } from '../en';

export const events: Parts['events'] = {
  title: 'Ereignisse',
};
