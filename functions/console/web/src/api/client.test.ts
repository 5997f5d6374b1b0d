import { afterEach, describe, expect, it, vi } from 'vitest';

vi.stubGlobal('location', { origin: 'https://api.example', pathname: '/portal/', search: '' });
vi.stubGlobal('document', { documentElement: { dataset: { page: 'portal' } } });
const { api, take } = await import('./client');

describe('a call', () => {
  afterEach(() => vi.restoreAllMocks());

  const answers = (status: number, body: string) => vi.spyOn(globalThis, 'fetch').mockResolvedValue(new Response(status === 204 ? null : body, { status }));

  it('sends its headers and body, and no cookie', async () => {
    const fetched = answers(200, '{"active": false}');
    const params = { path: { tenantId: 'acme', webhookId: 'wh_1' }, header: { 'If-Match': '"7"' } };
    const got = await take(api.PATCH('/v1/tenants/{tenantId}/webhooks/{webhookId}', { params, body: { active: false }, headers: { 'content-type': 'application/merge-patch+json' } }));
    const request = fetched.mock.calls[0]?.[0] as Request;
    expect([request.method, request.url]).toEqual(['PATCH', 'https://api.example/v1/tenants/acme/webhooks/wh_1']);
    expect([request.headers.get('if-match'), request.headers.get('content-type'), request.credentials, request.cache]).toEqual(['"7"', 'application/merge-patch+json', 'omit', 'no-store']);
    expect([await request.text(), got.active]).toEqual(['{"active":false}', false]);
  });

  it('has its names and query encoded, lists joined by a comma, and nothing that is not given', async () => {
    const fetched = answers(200, '{"items": []}');
    const path = { tenantId: 'a/b ü' };
    await take(api.GET('/v1/tenants/{tenantId}/deliveries', { params: { path, query: { status: ['processing', 'retrying'], type: 'a&b', limit: 1, cursor: undefined } } }));
    expect((fetched.mock.calls[0]?.[0] as Request).url).toBe('https://api.example/v1/tenants/a%2Fb%20%C3%BC/deliveries?status=processing,retrying&type=a%26b&limit=1');
  });

  it('without a body has no content type; an empty answer is none', async () => {
    const fetched = answers(204, '');
    expect(await take(api.DELETE('/v1/sessions/{sessionId}', { params: { path: { sessionId: 'x' } } }))).toBeUndefined();
    expect((fetched.mock.calls[0]?.[0] as Request).headers.get('content-type')).toBeNull();
  });

  it('gives a success as it was sent where that is asked for', async () => {
    answers(200, '{"big": 12345678901234567890}');
    const params = { path: { tenantId: 'acme', eventId: 'evt_1' } };
    expect(await take(api.GET('/v1/tenants/{tenantId}/events/{eventId}', { params, parseAs: 'text' }))).toBe('{"big": 12345678901234567890}');
  });

  it('throws what is no success, and a success that is no JSON', async () => {
    answers(404, '{"code": "not_found"}');
    await expect(take(api.GET('/v1/me'))).rejects.toMatchObject({ status: 404, code: 'not_found' });
    answers(502, '<html>');
    await expect(take(api.GET('/v1/me'))).rejects.toMatchObject({ status: 502, code: undefined });
    answers(200, '<html>');
    await expect(take(api.GET('/v1/me'))).rejects.toThrow();
  });
});
