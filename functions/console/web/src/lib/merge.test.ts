import { expect, it } from 'vitest';
import { merge } from './merge';

it('keeps what is typed here and takes over the rest', () => {
  const before = { name: 'Acme', contact: '', contract: 'kuviq' };
  const mine = { ...before, name: 'Mine' };
  const theirs = { ...before, name: 'Theirs', contact: 'ops@acme.example' };
  expect(merge(before, mine, theirs)).toEqual({ given: { name: 'Mine', contact: 'ops@acme.example', contract: 'kuviq' }, changed: ['name', 'contact'] });
});
