// Two people change the same thing: what is typed here stays, and what is not comes from the other.

export interface Merged<T> {
  given: T;
  /** The members that the other has changed. */
  changed: (keyof T & string)[];
}

export function merge<T extends Record<string, string>>(before: T, mine: T, theirs: T): Merged<T> {
  const names = Object.keys(theirs) as (keyof T & string)[];
  const given = { ...theirs };
  for (const name of names) if (mine[name] !== before[name]) given[name] = mine[name];
  return { given, changed: names.filter((name) => theirs[name] !== before[name]) };
}
