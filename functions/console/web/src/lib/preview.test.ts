/// <reference types="node" />
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

import { PlaceholderError, preview, type SampleEvent } from './preview';

const ROOT = new URL('../../../../../', import.meta.url);
const json = (path: string) => JSON.parse(readFileSync(new URL(path, ROOT), 'utf8'));
const documented = json('functions/api/openapi.json').webhooks;

interface Operation {
  parameters: { name: string; example: string }[];
  requestBody: { content: { 'application/json': { examples: Record<string, { value: Record<string, unknown> }> } } };
}

test.each(['standard', 'kuviq', 'kazinex', 'kliq', 'inspectorio'])('the preview of %s is the documented delivery', (name) => {
  const { parameters, requestBody } = documented[name].post as Operation;
  const [[type, { value }] = ['', { value: {} }]] = Object.entries(requestBody.content['application/json'].examples);
  const header = (wanted: string): string => parameters.find((one) => one.name === wanted)?.example ?? '';
  const event: SampleEvent = {
    id: header('webhook-id'),
    type,
    timestamp: '2026-01-31T12:00:00.000Z',
    tenantId: 'acme',
    webhookId: 'wh_1',
    uuid: String(value['messageId'] ?? '').slice(3),
    data: value['data'] ?? value['payload'],
    context: { organisation_id: value['organisation_id'], project_id: value['project_id'] },
    at: Number(header('webhook-timestamp')) * 1000,
  };
  const contract = json(`functions/domain/contracts/${name}.json`);
  const shown = preview(contract, event);
  expect(JSON.parse(shown.body)).toEqual(value);
  expect(shown.body).toBe(JSON.stringify(value));
  for (const [name, text] of shown.headers.filter(([, text]) => !text.endsWith('…') && !text.startsWith('application/'))) expect(header(name)).toBe(text);
});

const EVENT: SampleEvent = { id: 'evt_1', type: 'a.b', timestamp: 't', tenantId: 'acme', webhookId: 'w', uuid: 'u', data: { n: 1 }, context: { p: 7 }, at: 1_769_860_800_123 };

test('placeholders within a text, of the context and with a fallback are filled in', () => {
  const envelope = { a: 'x {type} {context.p} {data}', b: '{context.none}', c: '{context.none|tenantId}', d: ['{context.p}', 1, null], e: '{context.x|context.y|id}' };
  const signature = { header: 'X', encoding: 'hex', signedText: '{timestamp}/{timestampIso}/{body}' };
  const shown = preview({ envelope, signature, headers: { 'X-Sent': '{timestampIso} {id}' } }, EVENT);
  expect(JSON.parse(shown.body)).toEqual({ a: 'x a.b 7 {"n":1}', b: null, c: 'acme', d: [7, 1, null], e: 'evt_1' });
  expect(shown.signedText).toBe(`1769860800/2026-01-31T12:00:00.123Z/${shown.body}`);
  expect(shown.headers).toContainEqual(['X-Sent', '2026-01-31T12:00:00.123Z evt_1']);
});

test('an unknown placeholder is an error that names it', () => {
  for (const [contract, name] of [
    [{ envelope: { a: '{nothing}' } }, 'nothing'],
    [{ envelope: { a: 'x{id|type}' } }, 'id|type'],
    [{ envelope: { a: '{context.}' } }, 'context.'],
    [{ envelope: {}, headers: { X: '{constructor}' } }, 'constructor'],
  ] as const) {
    expect(() => preview(contract, EVENT)).toThrow(new PlaceholderError(name));
  }
});
