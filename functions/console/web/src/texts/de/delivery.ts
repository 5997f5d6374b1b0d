import type { Parts } from '../en';

export const delivery: Parts['delivery'] = {
  title: 'Zustellung',
};
