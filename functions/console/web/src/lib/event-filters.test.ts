import { describe, expect, it } from 'vitest';

import { componentsOf, otherFilters, ownFirst, shareOf, summary, switchComponent, switchType, wants } from './event-filters';

const catalogue = [
  { type: 'cv.job.completed', group: 'Jobs' },
  { type: 'cv.job.failed', group: 'Jobs' },
  { type: 'inspection.completed', group: 'Inspection' },
  { type: 'inspection.created', group: 'Inspection' },
  { type: 'item.created' },
  { type: 'plain', group: 'Mixed' },
  { type: 'zone.opened', group: 'Mixed' },
];
const all = componentsOf(catalogue);
const named = (title: string) => all.find((component) => component.title === title)!;
const gets = (filters: string[]) => catalogue.map((entry) => entry.type).filter((type) => wants(filters, type));

it('a filter selects a type, a component and everything below it, or everything', () => {
  expect(wants(['*'], 'a.b')).toBe(true);
  expect(wants(['item.*'], 'item.created')).toBe(true);
  expect(wants(['item.*'], 'item.a.b')).toBe(true);
  expect(wants(['item.*'], 'item')).toBe(false);
  expect(wants(['item.*'], 'items.created')).toBe(false);
  expect(wants(['item.created', 'x'], 'item.created')).toBe(true);
  expect(wants(['Item.created'], 'item.created')).toBe(false);
  expect(wants([], 'item.created')).toBe(false);
});

describe('components', () => {
  it('have a wildcard if it means their own types only', () => {
    expect(all.map((component) => [component.title, component.wildcard])).toEqual([
      ['Jobs', 'cv.job.*'],
      ['Inspection', 'inspection.*'],
      ['item', 'item.*'],
      ['Mixed', undefined],
    ]);
  });

  it('have none if two groups share the first part', () => {
    const shared = componentsOf([{ type: 'a.x', group: 'One' }, { type: 'a.y', group: 'Two' }]);
    expect(shared.map((component) => component.wildcard)).toEqual([undefined, undefined]);
  });

  it('show all, some or none', () => {
    expect(shareOf(named('Inspection'), ['inspection.*'])).toBe('all');
    expect(shareOf(named('Inspection'), ['inspection.created'])).toBe('some');
    expect(shareOf(named('Inspection'), ['inspection.created', 'inspection.completed'])).toBe('all');
    expect(shareOf(named('Inspection'), ['item.*'])).toBe('none');
    expect(shareOf(named('Mixed'), ['*'])).toBe('all');
    expect(shareOf(named('Jobs'), ['cv.*'])).toBe('all');
  });
});

describe('switches', () => {
  it('turn a whole component on and off', () => {
    expect(switchComponent(named('Inspection'), true, ['inspection.created', 'item.created'], all)).toEqual(['item.created', 'inspection.*']);
    expect(switchComponent(named('Inspection'), false, ['inspection.*', 'item.created'], all)).toEqual(['item.created']);
    expect(switchComponent(named('Mixed'), true, [], all)).toEqual(['plain', 'zone.opened']);
  });

  it('write out the others when one leaves a whole component', () => {
    expect(switchType('inspection.created', named('Inspection'), false, ['inspection.*'], all)).toEqual(['inspection.completed']);
  });

  it('write out the other components when one leaves "all events"', () => {
    const left = switchComponent(named('Inspection'), false, ['*'], all);
    expect(left).not.toContain('*');
    expect(gets(left)).toEqual(gets(['*']).filter((type) => !type.startsWith('inspection.')));
    const one = switchType('item.created', named('item'), false, ['*'], all);
    expect(gets(one)).toEqual(gets(['*']).filter((type) => type !== 'item.created'));
  });

  it('keep filters that the catalogue does not know', () => {
    expect(switchComponent(named('Inspection'), true, ['custom.thing'], all)).toContain('custom.thing');
    expect(otherFilters(['custom.thing', 'inspection.*', 'item.created'], all)).toEqual(['custom.thing']);
  });

  it('do not add a type twice', () => {
    expect(switchType('inspection.created', named('Inspection'), true, ['inspection.*'], all)).toEqual(['inspection.*']);
  });
});

describe('in words', () => {
  const words = { all: 'All events', wholeOf: (component: string) => `${component}: all` };

  it('name the first and count the rest', () => {
    expect(summary(['inspection.*', 'item.created', 'item.deleted'], words)).toEqual({ text: 'inspection: all', rest: 2 });
    expect(summary(['*', 'item.created'], words)).toEqual({ text: 'All events', rest: 0 });
  });

  it('begin a choice with the own types', () => {
    const { own, others } = ownFirst(catalogue, ['item.*', 'custom.one']);
    expect(own.map((entry) => entry.type)).toEqual(['item.created', 'custom.one']);
    expect(others).toHaveLength(6);
  });
});
