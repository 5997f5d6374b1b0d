// Which events a webhook gets: a type, a component and everything below it, or everything.

export function matchesFilter(filter: string, type: string): boolean {
  if (filter === '*') return true;
  return filter.endsWith('.*') ? type.startsWith(filter.slice(0, -1)) : filter === type;
}

export const wants = (filters: readonly string[], type: string): boolean => filters.some((filter) => matchesFilter(filter, type));
