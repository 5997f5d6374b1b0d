import type { Parts } from '../en';

export const help: Parts['help'] = {
  title: 'Hilfe',
};
