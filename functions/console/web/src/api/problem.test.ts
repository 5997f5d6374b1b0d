import { describe, expect, it } from 'vitest';

import { ApiError, errorOf, fieldErrors, retryAfterOf } from './problem';

const answer = (status: number, headers: Record<string, string> = {}) => new Response(null, { status, headers });

describe('an answer that is no success', () => {
  it('has a kind by its status', () => {
    expect([401, 403, 404, 410, 409, 412, 422, 429, 500, 503].map((status) => errorOf(answer(status), {}).kind)).toEqual(['session', 'forbidden', 'missing', 'missing', 'conflict', 'conflict', 'invalid', 'busy', 'server', 'server']);
    expect(new ApiError(0, {}).kind).toBe('offline');
  });

  it('waits as long as it says', () => {
    expect(retryAfterOf(new Headers({ 'retry-after': '17' }))).toBe(17);
    expect(retryAfterOf(new Headers({ 'retry-after': 'Wed, 21 Oct 2015 07:28:00 GMT' }))).toBe(0);
    expect(retryAfterOf(new Headers())).toBeUndefined();
  });

  it('may come from the gateway, or be no JSON', () => {
    expect(errorOf(answer(403), { message: 'Forbidden' }).message).toBe('Forbidden');
    expect(errorOf(answer(502), '<html>').message).toBe('HTTP 502');
  });

  it('names the missing right', () => {
    expect(new ApiError(403, { detail: 'This key lacks the scope webhooks:write.' }).missingScope).toBe('webhooks:write');
    expect(new ApiError(403, { detail: 'This key lacks the scope keys.' }).missingScope).toBe('keys');
    expect(new ApiError(403, { detail: 'Only the operator may do this.' }).missingScope).toBeUndefined();
  });
});

describe('mistakes of a form', () => {
  it('have the member that is wrong', () => {
    const error = new ApiError(422, {
      code: 'invalid_url',
      field: 'url',
      detail: 'no',
      reason: 'loopback',
      errors: [
        { code: 'invalid_url', detail: 'no', pointer: '/url', reason: 'loopback' },
        { code: 'invalid_header', detail: 'bad', pointer: '/headers/X~1Y' },
      ],
    });
    expect(fieldErrors(error)).toEqual([
      { field: 'url', code: 'invalid_url', detail: 'no', reason: 'loopback' },
      { field: 'headers.X/Y', code: 'invalid_header', detail: 'bad', reason: undefined },
    ]);
  });

  it('have the field alone, if nothing else says where', () => {
    expect(fieldErrors(new ApiError(422, { code: 'invalid_events', field: 'events', detail: 'none' }))).toEqual([{ field: 'events', code: 'invalid_events', detail: 'none', reason: undefined }]);
    expect(fieldErrors(new ApiError(409, { code: 'webhook_limit' }))).toEqual([]);
  });
});
