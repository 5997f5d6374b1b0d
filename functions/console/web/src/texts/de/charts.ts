import type { Parts } from '../en';

export const charts: Parts['charts'] = {
  title: 'Diagramme',
};
