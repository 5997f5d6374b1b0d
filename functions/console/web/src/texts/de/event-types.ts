import type { Parts } from '../en';

export const eventTypes: Parts['eventTypes'] = {
  title: 'Ereignistypen',
};
