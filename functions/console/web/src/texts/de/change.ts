import type { ChangeTexts } from '../en/change';

export const change: ChangeTexts = {
  changed: 'Geändert',
  byKey: (name) => `mit dem Schlüssel ${name}`,
  by: { session: 'im Portal', operator: 'vom Betreiber', postel: 'von Postel' },
  members: {
    name: 'Name',
    url: 'URL',
    events: 'Ereignisse',
    filter: 'Filter',
    active: 'ein oder aus',
    contract: 'Vertrag',
    overrides: 'Timeout oder Wiederholungen',
    context: 'Kontext',
    secret: 'Secret',
    basicAuth: 'Basic Authentication',
    headers: 'Header',
  },
};
