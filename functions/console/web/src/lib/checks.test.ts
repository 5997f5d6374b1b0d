import { expect, test } from 'vitest';

import { checksOf, type Facts } from './checks';

const webhook: Facts['webhook'] = { active: true, events: ['item.*'], createdAt: '2026-01-31T12:00:00.000Z', url: 'https://example.com' };
const results = (facts: Facts) => checksOf(facts).map((one) => `${one.id}:${one.result}`);

test('a webhook that gets its events passes every check', () => {
  const facts: Facts = {
    webhook,
    type: 'item.created',
    lastEvent: { id: 'evt_1', createdAt: '2026-01-31T13:00:00.000Z' },
    lastDelivery: { id: 'dlv_1', status: 'completed', lastResponseCode: 200, createdAt: '2026-01-31T13:00:00.000Z' },
    explained: { result: 'due', reason: 'due', detail: '' },
  };
  expect(results(facts)).toEqual(['active:ok', 'events:ok', 'published:ok', 'delivered:ok', 'explained:ok']);
});

test('each cause is a problem of its own', () => {
  const delivery = { id: 'dlv_1', createdAt: '2026-01-31T13:00:00.000Z' };
  expect(results({ webhook: { ...webhook, active: false } })[0]).toBe('active:problem');
  expect(results({ webhook, type: 'user.created' })[1]).toBe('events:problem');
  expect(results({ webhook, lastEvent: null, lastDelivery: null })).toEqual(['active:ok', 'events:ok', 'published:problem', 'delivered:problem']);
  expect(results({ webhook, lastEvent: { id: 'e', createdAt: '2026-01-31T11:00:00.000Z' } })).toContain('after:problem');
  expect(results({ webhook, lastDelivery: { ...delivery, status: 'failed', errorCode: 'address_blocked' } })).toEqual(['active:ok', 'events:ok', 'published:unknown', 'delivered:problem', 'address:problem']);
  expect(results({ webhook, lastDelivery: { ...delivery, status: 'retrying', lastResponseCode: 503 } })).toEqual(['active:ok', 'events:ok', 'published:unknown', 'delivered:problem']);
  expect(results({ webhook, lastDelivery: { ...delivery, status: 'pending' } })).toContain('delivered:waits');
  expect(results({ webhook, explained: { result: 'not_wanted', reason: 'inactive', detail: '' } })).toContain('explained:problem');
});

test('what could not be read is not called a problem', () => {
  expect(results({ webhook })).toEqual(['active:ok', 'events:ok', 'published:unknown', 'delivered:unknown']);
});
