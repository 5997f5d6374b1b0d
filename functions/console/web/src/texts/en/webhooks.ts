const many = (count: number, one: string, more: string): string => `${count.toLocaleString('en-GB')} ${count === 1 ? one : more}`;

/** Words that a vendor's documents have their own for. */
const vendor = {
  add: 'Add webhook',
  first: 'Create your webhooks',
  create: 'Add webhook',
  save: 'Save changes',
  name: 'Name',
  url: 'URL',
  events: 'Events',
  test: 'Send test event',
  send: 'Send',
  deactivate: 'Deactivate',
  activate: 'Activate',
  remove: 'Remove',
  removeAction: 'Remove webhook',
  logTab: 'Delivery log',
};

export type VendorWords = typeof vendor;

export const webhooks = {
  title: 'Webhooks',
  vendor,
  /** By contract, as that vendor's documents have it. */
  vendors: {
    inspectorio: { first: 'Create your Webhooks', name: 'Webhook Name', url: 'Webhook URL', deactivate: 'Deactivate this webhook', activate: 'Activate this webhook' },
    kuviq: { add: 'Add Webhook', create: 'Save and activate', save: 'Save', test: 'Test', remove: 'Delete', removeAction: 'Delete webhook', logTab: 'Event Log' },
    kazinex: { add: 'New Webhook', create: 'Save', save: 'Save', url: 'Endpoint URL', events: 'Event Subscriptions', test: 'Send Test Event', logTab: 'Delivery Log' },
  } as Record<string, Partial<VendorWords>>,
  list: {
    isInbox: 'Events go to the test receiver.',
    caption: 'Webhooks, those with trouble first',
    status: 'Status',
    last: 'Last triggered',
    rate: 'Success rate',
    actions: 'Action',
    rateOf: (rate: string, count: string) => `${rate} of ${count}`,
    rateHint: 'Deliveries of the last 24 hours that have ended',
    noRate: 'no deliveries',
    atLeast: (count: string) => `at least ${count}`,
    used: (used: number, allowed: number) => `${used} of ${allowed}`,
    usedLabel: (used: number, allowed: number) => `${used} of ${allowed} webhooks are used.`,
    full: (allowed: number) => `The limit of ${allowed} webhooks is reached. Remove one that you do not need, let one webhook get more events, or ask your provider for more.`,
    allWell: 'All are delivering.',
    allOff: 'All are inactive: no event is sent.',
    trouble: (failing: number, disabled: number, slow: number) =>
      `${[failing > 0 ? many(failing, 'is failing', 'are failing') : '', disabled > 0 ? many(disabled, 'was switched off', 'were switched off') : '', slow > 0 ? many(slow, 'answers slowly', 'answer slowly') : ''].filter((part) => part !== '').join(', ')}.`,
    search: 'Search webhooks',
    filter: 'Status',
    emptyTitle: 'No webhooks yet',
    empty: ['A webhook tells another system as soon as something happens.', 'You give the URL of that system and choose events; each event is sent there as an HTTP POST.', 'What was sent, and what came back, is in the event log.'],
    emptyCatalogue: 'See which events there are',
    readOnly: 'Your session may look at webhooks, but not change them.',
    allEvents: 'All events',
    wholeOf: (component: string) => `${component}: all`,
    statusMenu: (name: string, status: string) => `Status of ${name}: ${status}`,
    unnamed: 'Unnamed',
    noTestWhileOff: 'Activate it to send a test event.',
  },
  actions: {
    edit: 'Edit',
    details: 'Details',
    log: 'Delivery log',
    rotate: 'Rotate secret',
    activated: (name: string) => `${name} is active again.`,
    deactivated: (name: string) => `${name} is inactive.`,
    removed: (name: string) => `${name} was removed.`,
    saved: 'Saved.',
  },
};
