/** The last change of a webhook, in one line: "Changed <time>, <by>: <members>". */
export const change = {
  changed: 'Changed',
  byKey: (name: string) => `by key ${name}`,
  by: { session: 'in the portal', operator: 'by the operator', postel: 'by Postel' } as Record<string, string>,
  members: {
    name: 'name',
    url: 'URL',
    events: 'events',
    filter: 'filter',
    active: 'on or off',
    contract: 'contract',
    overrides: 'timeout or retries',
    context: 'context',
    secret: 'secret',
    basicAuth: 'Basic Authentication',
    headers: 'headers',
  } as Record<string, string>,
};

export type ChangeTexts = typeof change;
