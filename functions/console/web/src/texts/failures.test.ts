import { describe, expect, it } from 'vitest';
import document from '../../../../api/openapi.json';
import { base as baseDe } from './de/base';
import { failures as de } from './de/failures';
import { operator as operatorDe } from './de/operator';
import { webhook as webhookDe } from './de/webhook';
import { base as baseEn } from './en/base';
import { failures as en } from './en/failures';
import { operator as operatorEn } from './en/operator';
import { webhook as webhookEn } from './en/webhook';

const schemas: Record<string, { 'x-extensible-enum'?: string[] } | undefined> = document.components.schemas as Record<string, object>;
const codes = (schema: string) => schemas[schema]?.['x-extensible-enum'] ?? [];

describe.each([
  ['en', en],
  ['de', de],
])('what went wrong, in %s', (_, texts) => {
  it('has a sentence for every code of an attempt', () => {
    expect(Object.keys(texts.attempt).sort()).toEqual(codes('AttemptErrorCode').sort());
  });

  it('has a sentence for every reason of a dead letter', () => {
    expect(Object.keys(texts.reason).sort()).toEqual(codes('DeadLetterReason').sort());
  });

  it('has a short form for every code of a delivery and of a dead letter', () => {
    const all = new Set([...codes('DeliveryErrorCode'), ...codes('DeadLetterReason')]);
    expect(Object.keys(texts.short).sort()).toEqual([...all].sort());
  });

  it('ends every sentence', () => {
    for (const sentence of [texts.attempt, texts.reason, texts.status].flatMap(Object.values)) {
      expect(sentence).toMatch(/\.$/);
    }
  });

  it('has the same statuses in both languages', () => {
    expect(Object.keys(texts.status)).toEqual(Object.keys(en.status));
  });
});

describe.each([
  ['en', baseEn, operatorEn, webhookEn],
  ['de', baseDe, operatorDe, webhookDe],
])('what pages say of a code, in %s', (_, base, operator, webhook) => {
  it('has words for every code of a test event', () => {
    expect(Object.keys(base.reasons)).toEqual(expect.arrayContaining([...codes('AttemptErrorCode'), ...codes('DeliveryErrorCode')]));
  });

  it('has words for every reason to switch a webhook off', () => {
    const reasons = codes('WebhookDisabledReason').sort();
    expect(reasons).not.toEqual([]);
    expect(Object.keys(operator.overview.reasons).sort()).toEqual(reasons);
    expect(Object.keys(webhook.detail.disabledReasons).sort()).toEqual(reasons);
  });
});
