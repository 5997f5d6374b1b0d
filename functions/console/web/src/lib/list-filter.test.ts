import { describe, expect, it } from 'vitest';
import { IN_PROGRESS, NO_FILTER, filterOf, instantOf, isFiltered, localOf, mistakeOf, queryOf, timesOf } from './list-filter';

describe('the filters of the log', () => {
  it('are the same after a way through the address', () => {
    const filter = {
      ...NO_FILTER,
      status: IN_PROGRESS,
      webhookId: 'wh_1',
      type: 'item.*',
      range: 'custom' as const,
      from: '2026-01-31T12:00',
      responseCode: '5xx',
      trigger: 'test',
      eventId: 'a_b-c',
    };
    expect(filterOf(queryOf(filter))).toEqual(filter);
    expect(queryOf(NO_FILTER)).toEqual({});
  });

  it('leave out what an address has that is none', () => {
    expect(filterOf({ status: 'failed,nonsense', time: 'yesterday', from: '2026-01-31T12:00', x: 'y' })).toEqual({ ...NO_FILTER, status: 'failed' });
  });

  it('know what the page itself fixes', () => {
    const filter = { ...NO_FILTER, webhookId: 'wh_1' };
    expect(isFiltered(NO_FILTER)).toBe(false);
    expect(isFiltered(filter)).toBe(true);
    expect(isFiltered(filter, { webhookId: 'wh_1' })).toBe(false);
  });

  it('begin at a whole minute', () => {
    const now = Date.parse('2026-01-31T12:34:56.789Z');
    expect(timesOf({ ...NO_FILTER, range: '1h' }, now)).toEqual({ since: '2026-01-31T11:34:00.000Z' });
    expect(timesOf({ ...NO_FILTER, range: '7d' }, now).since).toBe('2026-01-24T12:34:00.000Z');
    expect(timesOf(NO_FILTER, now)).toEqual({});
  });

  it('take a range of the person’s own in the zone of the person', () => {
    const noon = new Date(2026, 0, 31, 12, 5);
    expect(localOf(noon)).toBe('2026-01-31T12:05');
    expect(instantOf(localOf(noon))).toBe(noon.toISOString());
    expect(instantOf('')).toBeUndefined();
    expect(instantOf('never')).toBeUndefined();
    const times = timesOf({ range: 'custom', from: localOf(noon), to: '' }, 0);
    expect(times).toEqual({ since: noon.toISOString(), until: undefined });
  });

  it.each([
    ['order.created', undefined],
    ['order.*', undefined],
    ['*', undefined],
    ['', undefined],
    ['order *', 'type'],
    ['*.created', 'type'],
    ['ä', 'type'],
  ])('the type %j is mistake %s', (type, mistake) => {
    expect(mistakeOf({ ...NO_FILTER, type })).toBe(mistake);
  });

  it('say when the end is before the beginning', () => {
    expect(mistakeOf({ ...NO_FILTER, range: 'custom', from: '2026-02-01T00:00', to: '2026-01-01T00:00' })).toBe('times');
    expect(mistakeOf({ ...NO_FILTER, range: 'custom', from: '2026-01-01T00:00', to: '' })).toBeUndefined();
  });
});
