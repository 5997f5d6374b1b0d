import type { Parts } from '../en';

export const deadLetters: Parts['deadLetters'] = {
  title: 'Unzustellbares',
};
