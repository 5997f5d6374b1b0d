import type { Parts } from '../en';

export const webhooks: Parts['webhooks'] = {
  title: 'Webhooks',
};
