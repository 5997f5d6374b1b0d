import type { components } from '../../api/schema';

export type Contract = components['schemas']['Contract'];

/** What can be sent back: without what the API adds. */
export function definitionOf({ builtin: _builtin, name: _name, ...rest }: Contract): Record<string, unknown> {
  const { version: _version, ...definition } = rest as Record<string, unknown>;
  return definition;
}
