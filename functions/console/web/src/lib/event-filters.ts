// Which events a webhook gets, as the API writes it (`*`, `inspection.*`, a type), and as the form
// shows it: components with a switch each, and their types.

export interface CatalogueType {
  type: string;
  name?: string;
  description?: string;
  group?: string;
  example?: unknown;
}

export interface Component {
  /** The group's name in the catalogue, or the types' first part. */
  title: string;
  /** `inspection.*`, if that means this component's types and no other component's. */
  wildcard?: string;
  types: CatalogueType[];
}

export const ALL = '*';

function matches(filter: string, type: string): boolean {
  if (filter === ALL || filter === type) return true;
  return filter.endsWith('.*') && type.startsWith(filter.slice(0, -1));
}

export const wants = (filters: readonly string[], type: string): boolean => filters.some((filter) => matches(filter, type));

const firstPart = (type: string): string => type.split('.', 1)[0] ?? type;

function commonPrefix(types: CatalogueType[]): string | undefined {
  const parts = types.map((one) => one.type.split('.').slice(0, -1));
  const [first = [], ...rest] = parts;
  let length = first.length;
  for (const other of rest) {
    let same = 0;
    while (same < Math.min(length, other.length) && other[same] === first[same]) same += 1;
    length = same;
  }
  return length === 0 ? undefined : first.slice(0, length).join('.');
}

/** In the order of the catalogue, which is that of the types. */
export function componentsOf(catalogue: CatalogueType[]): Component[] {
  const groups = new Map<string, CatalogueType[]>();
  for (const entry of catalogue) {
    const title = entry.group ?? firstPart(entry.type);
    groups.set(title, [...(groups.get(title) ?? []), entry]);
  }
  return [...groups].map(([title, types]) => {
    const prefix = commonPrefix(types);
    const wildcard = prefix === undefined ? undefined : `${prefix}.*`;
    const own = wildcard !== undefined && catalogue.every((entry) => !matches(wildcard, entry.type) || types.includes(entry));
    return { title, types, wildcard: own ? wildcard : undefined };
  });
}

export type Share = 'all' | 'some' | 'none';

export function shareOf(component: Component, filters: string[]): Share {
  if (filters.includes(ALL) || (component.wildcard !== undefined && filters.some((filter) => filter.endsWith('.*') && matches(filter, component.wildcard?.slice(0, -1) ?? '')))) return 'all';
  const count = component.types.filter((entry) => wants(filters, entry.type)).length;
  return count === 0 ? 'none' : count === component.types.length ? 'all' : 'some';
}

const wholly = (component: Component): string[] => (component.wildcard === undefined ? component.types.map((entry) => entry.type) : [component.wildcard]);

/** What the filters that reach into the component leave over, written out for all others. */
function without(component: Component, filters: string[], all: Component[]): string[] {
  const inside = (filter: string): boolean => component.types.some((entry) => matches(filter, entry.type)) || filter === component.wildcard;
  const kept = filters.filter((filter) => !inside(filter));
  const wide = filters.filter((filter) => inside(filter) && all.some((other) => other !== component && other.types.some((entry) => matches(filter, entry.type))));
  if (wide.length === 0) return kept;
  const others = all.filter((other) => other !== component).flatMap((other) => (other.types.every((entry) => wants(wide, entry.type)) ? wholly(other) : other.types.map((entry) => entry.type).filter((type) => wants(wide, type))));
  return [...new Set([...kept, ...others])];
}

/** The switch on a component's name. */
export function switchComponent(component: Component, on: boolean, filters: string[], all: Component[]): string[] {
  const rest = without(component, filters, all);
  return on ? [...rest, ...wholly(component)] : rest;
}

/** One type. Taking one out of a whole component writes the others out. */
export function switchType(type: string, component: Component, on: boolean, filters: string[], all: Component[]): string[] {
  if (on) return wants(filters, type) ? filters : [...filters, type];
  const left = component.types.map((entry) => entry.type).filter((one) => one !== type && wants(filters, one));
  return [...without(component, filters, all), ...left];
}

/** Filters that no type of the catalogue shows. */
export function otherFilters(filters: string[], all: Component[]): string[] {
  const shown = new Set(all.flatMap((component) => [component.wildcard, ...component.types.map((entry) => entry.type)]));
  return filters.filter((filter) => filter !== ALL && !shown.has(filter));
}

/** `inspection: all, item.created`: the first ones, and how many are left. */
export function summary(filters: string[], words: { all: string; wholeOf: (component: string) => string }, shown = 1): { text: string; rest: number } {
  if (filters.includes(ALL)) return { text: words.all, rest: 0 };
  const named = filters.map((filter) => (filter.endsWith('.*') ? words.wholeOf(filter.slice(0, -2)) : filter));
  return { text: named.slice(0, shown).join(', '), rest: Math.max(0, named.length - shown) };
}

/** The catalogue, those that the webhook gets first. */
export function ownFirst(catalogue: CatalogueType[], filters: string[]): { own: CatalogueType[]; others: CatalogueType[] } {
  const gets = (entry: CatalogueType): boolean => wants(filters, entry.type);
  const known = new Set(catalogue.map((entry) => entry.type));
  const extra = filters.filter((filter) => !filter.endsWith('*') && !known.has(filter)).map((type): CatalogueType => ({ type }));
  return { own: [...catalogue.filter(gets), ...extra], others: catalogue.filter((entry) => !gets(entry)) };
}
