import type { Parts } from '../en';

export const operator: Parts['operator'] = {
  title: 'Konsole',
};
