const many = (n: number, one: string, other: string) => `${n} ${n === 1 ? one : other}`;

export type LogColumn = 'event' | 'webhook' | 'status' | 'attempts' | 'code' | 'duration' | 'occurred' | 'created' | 'processed' | 'next' | 'error';

/** What a vendor's documents have their own words for. */
export interface LogVendor {
  title?: string;
  columns?: Partial<Record<LogColumn, string>>;
  hints?: Partial<Record<LogColumn, string>>;
  status?: Record<string, string>;
}

/** The log, a delivery, and what both share. */
export const log = {
  title: 'Event log',
  /** By contract, as that vendor's documents have it. */
  vendors: {
    kuviq: {
      title: 'Event Log',
      columns: { event: 'Event type', error: 'Error message' },
      hints: {
        event: 'The webhook event that triggered',
        attempts: 'Number of delivery attempts',
        created: 'When the event was created',
        processed: 'When delivery completed (or last attempt)',
        error: 'Details if delivery failed',
      },
    },
    kazinex: {
      columns: { occurred: 'Timestamp', code: 'Response Code' },
      hints: {
        event: 'The event type fired',
        occurred: 'When the event occurred',
        status: 'success (2xx response received) or failed (non-2xx or timeout)',
        code: 'The HTTP status your endpoint returned',
        duration: 'How long your endpoint took to respond',
      },
      status: { completed: 'Success', failed: 'Failed' },
    },
  } as Record<string, LogVendor>,
  /** The sentence at the top. */
  allWell: 'everything that was sent has arrived.',
  nothingYet: 'nothing has been sent.',
  someFailed: (text: string, failed: number, rate: string) =>
    `${text} ${failed === 1 ? 'delivery has failed' : 'deliveries have failed'}; ${rate} of those that ended have arrived.`,
  someWaiting: (text: string, n: number) => `nothing has failed; ${text} ${n === 1 ? 'delivery is' : 'deliveries are'} on the way.`,
  counts: {
    label: 'Deliveries by status',
    pending: 'Pending',
    completed: 'Completed',
    failed: 'Failed',
    inProgress: 'In Progress',
    pendingHelp: 'Events waiting to be delivered',
    completedHelp: 'Successfully delivered events',
    failedHelp: 'Events that failed after all retries',
    inProgressHelp: 'Events currently being processed or retrying',
    /** Before the sentence, by the range. */
    during: {
      '1h': 'Last hour:',
      '24h': 'Last 24 hours:',
      '7d': 'Last 7 days:',
      '30d': 'Last 30 days:',
      custom: 'In this time:',
    } as Record<string, string>,
    atLeast: (n: string) => `at least ${n}`,
    incomplete: (since: string) => `There were too many to count: the counts go back to ${since}.`,
    failedToLoad: 'The counts could not be read.',
  },
  filter: {
    label: 'Filters',
    status: 'Status',
    all: 'All',
    inProgress: 'In Progress',
    webhook: 'Webhook',
    anyWebhook: 'All webhooks',
    removedWebhook: (id: string) => `${id} (removed)`,
    type: 'Event type',
    typeHint: 'order.created or order.*',
    time: 'Time',
    ranges: {
      all: 'Any time',
      '1h': 'Last hour',
      '24h': 'Last 24 hours',
      '7d': 'Last 7 days',
      '30d': 'Last 30 days',
      custom: 'From … to …',
    } as Record<string, string>,
    from: 'From',
    to: 'To',
    code: 'Response code',
    anyCode: 'Any code',
    trigger: 'Trigger',
    anyTrigger: 'Any',
    more: 'More filters',
    clear: 'Clear filters',
    ofEvent: (id: string) => `Only event ${id}`,
    remove: 'Remove this filter',
    badType: 'A type has letters, digits, full stops, underscores and hyphens; a group ends with .*',
    badTimes: '“From” is later than “To”.',
  },
  columns: {
    event: 'Event',
    type: 'Event type',
    webhook: 'Webhook',
    status: 'Status',
    attempts: 'Attempts',
    code: 'Code',
    codeLong: 'Response code',
    duration: 'Duration',
    occurred: 'Occurred',
    created: 'Created',
    processed: 'Processed',
    next: 'Next attempt',
    error: 'Error',
    errorLong: 'Error message',
    action: 'Action',
  },
  caption: 'Deliveries, newest event first',
  triggers: {
    automatic: 'by the schedule',
    manual: 'by hand',
    test: 'test',
  } as Record<string, string>,
  triggerFilter: {
    automatic: 'By the schedule',
    manual: 'By hand',
    test: 'Tests',
  } as Record<string, string>,
  testEvent: 'Test',
  waitingByHand: 'Retry requested',
  fresh: (n: number) => many(n, 'new delivery', 'new deliveries'),
  resendAsk: 'Resend…',
  gone: (n: number) => `${many(n, 'row no longer matches', 'rows no longer match')}`,
  showFresh: 'Show',
  more: 'Show more',
  end: 'That is all.',
  shown: (n: number) => many(n, 'delivery shown', 'deliveries shown'),
  stillSearching: 'Searching older deliveries…',
  empty: 'No deliveries yet',
  emptyText: 'Each event that a webhook wants makes a delivery, and every delivery is listed here with its attempts.',
  emptyAction: 'Go to the webhooks',
  retry: 'Retry',
  retryNow: 'Retry now',
  resend: 'Resend',
  retryOf: (event: string, webhook: string) => `Retry ${event} to ${webhook}`,
  resendOf: (event: string, webhook: string) => `Resend ${event} to ${webhook}`,
  requeued: 'Requeued for immediate delivery.',
  stillWaiting: 'It is still waiting. This row changes with the next refresh.',
  nowCompleted: 'Delivered.',
  nowFailed: (error: string) => `It failed again. ${error}`,
  resendTitle: 'Send it again?',
  resendText: (webhook: string) => `“${webhook}” has received this event already. It gets it once more, with the same id, so that it can tell.`,
  resendConfirm: 'Resend event',
  cancel: 'Cancel',
  download: 'Download CSV',
  downloadNdjson: 'Download NDJSON',
  downloaded: (n: number) => `${many(n, 'row', 'rows')} saved.`,
};

export type LogTexts = typeof log;
