import type { Parts } from '../en';

export const redrives: Parts['redrives'] = {
  title: 'Erneute Zustellungen',
};
