import type { Parts } from '../en';

export const log: Parts['log'] = {
  title: 'Ereignisprotokoll',
};
