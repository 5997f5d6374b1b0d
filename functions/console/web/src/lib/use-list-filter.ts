// The filters of a list: from the address, and the addresses of other filters.

import { useLocation } from 'preact-iso';
import { useMemo } from 'preact/hooks';

import { FILTER_NAMES, filterOf, type FilterMistake, isFiltered, type ListFilter, mistakeOf, NO_FILTER, queryOf, type Times, timesOf } from './list-filter';
import { query as queryText } from './place';
import { useTenant } from './tenant';

export interface ListFilters {
  filter: ListFilter;
  mistake: FilterMistake | undefined;
  /** Fixed with the list: a cursor belongs to a list with the same times. */
  times: Times;
  /** Names the list. */
  key: string;
  /** The address with a change. */
  address: (change: Partial<ListFilter>) => string;
  /** Goes there: each change is an address, so that Back undoes it and a link can be sent. */
  change: (change: Partial<ListFilter>) => void;
  /** The address without filters, if there are any. */
  clear: string | undefined;
}

/** `fixed` is what the page itself filters; it does not stand in the address. */
export function useListFilter(query: Record<string, string>, fixed: Partial<ListFilter> = {}): ListFilters {
  const tenant = useTenant();
  const { path, route } = useLocation();
  const filter = { ...filterOf(query), ...fixed };
  const key = JSON.stringify([tenant.id, filter]);
  const times = useMemo(() => timesOf(filter, Date.now()), [key]);
  const free = Object.fromEntries(Object.keys(fixed).map((name) => [name, NO_FILTER[name as keyof ListFilter]]));
  const address = (change: Partial<ListFilter>): string => {
    // What is no filter stays: the webhook's page has its tab there.
    const others = Object.fromEntries(Object.entries(query).filter(([name]) => !FILTER_NAMES.has(name)));
    return `${path}${queryText({ ...others, ...queryOf({ ...filter, ...change, ...free }) })}`;
  };
  return {
    filter,
    mistake: mistakeOf(filter),
    times,
    key,
    address,
    change: (change) => route(address(change)),
    clear: isFiltered(filter, fixed) ? address(NO_FILTER) : undefined,
  };
}

/** As a parameter: absent if there is no filter. */
export const optional = (value: string): string | undefined => (value === '' ? undefined : value);

/** The same for a parameter of several values. */
export const several = <T extends string>(value: string): T[] | undefined => (value === '' ? undefined : (value.split(',') as T[]));
