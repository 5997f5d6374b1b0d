import { describe, expect, it } from 'vitest';

import type { Webhook } from '../webhooks/data';
import { createBody, draftOf, emptyDraft, hostChanges, mistakesOf, patchOf } from './draft';

const NO_SECRETS = { password: '' };
const webhook: Webhook = {
  id: 'wh_1',
  tenantId: 'acme',
  name: 'ERP',
  url: 'https://erp.example.com/hook',
  events: ['item.created', 'inspection.*'],
  active: true,
  contract: 'kuviq',
  overrides: { timeoutSeconds: 10, retryDelaysSeconds: [60, 300] },
  basicAuth: { username: 'postel' },
  headers: { 'X-Team': '***' },
  previousSecrets: [],
  state: 'active',
  createdAt: '2026-01-31T12:00:00.000Z',
  updatedAt: '2026-01-31T12:00:00.000Z',
};

describe('a new webhook', () => {
  it('sends only what was given', () => {
    const draft = { ...emptyDraft('kuviq'), name: ' ERP ', url: ' https://a.example/h ', events: ['*'] };
    expect(createBody(draft, NO_SECRETS, 'kuviq')).toEqual({ name: 'ERP', url: 'https://a.example/h', events: ['*'], active: true });
  });

  it('sends all that was given', () => {
    const draft = { ...emptyDraft('kuviq'), name: 'ERP', url: 'https://a.example', events: ['*'], basicAuth: true, username: 'u', timeout: '5', delays: '5 s, 1 h', contract: 'kliq', headers: [{ name: 'X-A', value: 'b' }], active: false };
    expect(createBody(draft, { password: 'p', secret: 's' }, 'kuviq')).toEqual({
      name: 'ERP',
      url: 'https://a.example',
      events: ['*'],
      active: false,
      contract: 'kliq',
      secret: 's',
      basicAuth: { username: 'u', password: 'p' },
      headers: { 'X-A': 'b' },
      overrides: { timeoutSeconds: 5, retryDelaysSeconds: [5, 3600] },
    });
  });

  it('needs a name, a URL and an event', () => {
    expect(mistakesOf(emptyDraft('kuviq'), NO_SECRETS, undefined)).toEqual([
      ['name', 'required'],
      ['url', 'required'],
      ['events', 'noneChosen'],
    ]);
  });

  it('says what the page can see itself', () => {
    const draft = { ...emptyDraft('kuviq'), name: 'a', url: 'erp.example.com', events: ['*'], basicAuth: true, timeout: '61', delays: 'soon', headers: [{ name: '', value: 'x' }] };
    expect(mistakesOf(draft, { password: '', secret: '' }, undefined).map(([field]) => field)).toEqual(['url', 'secret', 'basicAuth.username', 'basicAuth.password', 'overrides.timeoutSeconds', 'overrides.retryDelaysSeconds', 'headers.0']);
  });
});

describe('a changed webhook', () => {
  it('sends nothing if nothing has changed', () => {
    expect(patchOf(draftOf(webhook), NO_SECRETS, webhook)).toEqual({});
    expect(patchOf({ ...draftOf(webhook), events: ['inspection.*', 'item.created'] }, NO_SECRETS, webhook)).toEqual({});
    expect(mistakesOf(draftOf(webhook), NO_SECRETS, webhook)).toEqual([]);
  });

  it('sends what has changed, and null for what is gone', () => {
    const draft = { ...draftOf(webhook), name: 'ERP 2', basicAuth: false, timeout: '', headers: [{ name: 'X-New', value: 'v' }] };
    expect(patchOf(draft, NO_SECRETS, webhook)).toEqual({ name: 'ERP 2', basicAuth: null, overrides: { timeoutSeconds: null }, headers: { 'X-Team': null, 'X-New': 'v' } });
  });

  it('keeps a password that is not typed, unless the host changes', () => {
    const renamed = { ...draftOf(webhook), username: 'other' };
    expect(patchOf(renamed, NO_SECRETS, webhook)).toEqual({ basicAuth: { username: 'other' } });
    expect(mistakesOf(renamed, NO_SECRETS, webhook)).toEqual([]);
    expect(mistakesOf({ ...renamed, url: 'https://evil.example/hook' }, NO_SECRETS, webhook)).toEqual([['basicAuth.password', 'passwordRequired']]);
  });

  it('drops secrets for another scheme, host or port, not for another path', () => {
    expect(['https://erp.example.com/other', 'https://ERP.example.com/hook', 'https://erp.example.com:443/'].map((url) => hostChanges(webhook.url, url))).toEqual([false, false, false]);
    expect(['http://erp.example.com/hook', 'https://erp.example.com:444/hook', 'https://erp.example.org/', 'postel:inbox', 'nonsense'].map((url) => hostChanges(webhook.url, url))).toEqual([true, true, true, true, true]);
  });
});
