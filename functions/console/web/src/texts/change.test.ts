import { describe, expect, it } from 'vitest';
import document from '../../../../api/openapi.json';
import { change as de } from './de/change';
import { change as en } from './en/change';

const schemas: Record<string, { 'x-extensible-enum'?: string[] } | undefined> = document.components.schemas as Record<string, object>;
const codes = (schema: string) => schemas[schema]?.['x-extensible-enum'] ?? [];

describe.each([
  ['en', en],
  ['de', de],
])('the last change of a webhook, in %s', (_, texts) => {
  it('has a word for every member that can be changed', () => {
    expect(codes('WebhookMember')).not.toEqual([]);
    expect(Object.keys(texts.members).sort()).toEqual([...codes('WebhookMember')].sort());
  });

  it('has words for everybody who can change one', () => {
    expect(Object.keys(texts.by).concat('key').sort()).toEqual([...codes('AuthorKind')].sort());
  });
});
