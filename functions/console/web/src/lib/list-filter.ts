// The filters of the log and of other lists, as they stand in the address and as the API takes them.

export const RANGES = ['all', '1h', '24h', '7d', '30d', 'custom'] as const;
export type Range = (typeof RANGES)[number];

const HOURS: Partial<Record<Range, number>> = { '1h': 1, '24h': 24, '7d': 7 * 24, '30d': 30 * 24 };

export const STATUSES = ['pending', 'processing', 'completed', 'failed', 'retrying'] as const;
/** What the count "In Progress" counts. */
export const IN_PROGRESS = 'processing,retrying';

export interface ListFilter {
  /** One status, or several with commas. */
  status: string;
  webhookId: string;
  type: string;
  range: Range;
  /** Of a range of one's own: times as the person's field gives them, without a zone. */
  from: string;
  to: string;
  responseCode: string;
  trigger: string;
  eventId: string;
  /** Of events: `true` if a webhook wanted it, `false` if nobody did. */
  matched: string;
  /** Of dead letters. */
  reason: string;
}

export const NO_FILTER: ListFilter = {
  status: '',
  webhookId: '',
  type: '',
  range: 'all',
  from: '',
  to: '',
  responseCode: '',
  trigger: '',
  eventId: '',
  matched: '',
  reason: '',
};

/** Names in the address. They are short words, since people read and send addresses. */
const NAMES: Record<keyof ListFilter, string> = {
  status: 'status',
  webhookId: 'webhook',
  type: 'type',
  range: 'time',
  from: 'from',
  to: 'to',
  responseCode: 'code',
  trigger: 'trigger',
  eventId: 'event',
  matched: 'wanted',
  reason: 'reason',
};

const FIELDS = Object.keys(NAMES) as (keyof ListFilter)[];

/** The names that filters have in an address. */
export const FILTER_NAMES: ReadonlySet<string> = new Set(Object.values(NAMES));

/** From an address. What is no filter is left out, so that an old link still opens. */
export function filterOf(query: Readonly<Record<string, string | undefined>>): ListFilter {
  const filter = { ...NO_FILTER };
  for (const field of FIELDS) {
    const value = query[NAMES[field]];
    if (value === undefined) continue;
    if (field === 'range') filter.range = RANGES.find((range) => range === value) ?? 'all';
    else filter[field] = value;
  }
  filter.status = filter.status
    .split(',')
    .filter((status) => (STATUSES as readonly string[]).includes(status))
    .join(',');
  if (filter.range !== 'custom') filter.from = filter.to = '';
  return filter;
}

/** As parts of an address; what is not filtered is absent. */
export function queryOf(filter: ListFilter): Record<string, string> {
  const query: Record<string, string> = {};
  for (const field of FIELDS) if (filter[field] !== NO_FILTER[field]) query[NAMES[field]] = filter[field];
  return query;
}

/** Whether anything is left out, apart from what the page itself fixes. */
export function isFiltered(filter: ListFilter, fixed: Partial<ListFilter> = {}): boolean {
  return FIELDS.some((field) => filter[field] !== (fixed[field] ?? NO_FILTER[field]));
}

export interface Times {
  since?: string;
  until?: string;
}

/** A time field's value, in the person's zone, as the API takes it. */
export function instantOf(local: string): string | undefined {
  if (local === '') return undefined;
  const time = new Date(local);
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString();
}

/** A moment as a time field takes it, in the person's zone. */
export function localOf(time: Date): string {
  const two = (part: number): string => String(part).padStart(2, '0');
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}T${two(time.getHours())}:${two(time.getMinutes())}`;
}

/**
 * The times of a range. They begin at a whole minute, so that a list that is asked for again within
 * a minute is the same list and can be answered with 304.
 */
export function timesOf({ range, from, to }: Pick<ListFilter, 'range' | 'from' | 'to'>, now: number): Times {
  if (range === 'custom') return { since: instantOf(from), until: instantOf(to) };
  const hours = HOURS[range];
  if (hours === undefined) return {};
  const minute = 60_000;
  return { since: new Date(Math.floor(now / minute) * minute - hours * 3_600_000).toISOString() };
}

const TYPE = /^(\*|[A-Za-z0-9_.-]{1,256}(\.\*)?)$/;

export type FilterMistake = 'type' | 'times';

/** What the API would refuse: said at once, and not sent. */
export function mistakeOf(filter: Pick<ListFilter, 'type' | 'range' | 'from' | 'to'>): FilterMistake | undefined {
  if (filter.type !== '' && !TYPE.test(filter.type)) return 'type';
  const { since, until } = timesOf(filter, 0);
  if (filter.range === 'custom' && since !== undefined && until !== undefined && since > until) return 'times';
  return undefined;
}
