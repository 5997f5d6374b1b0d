import { describe, expect, it } from 'vitest';
import { ANSWER, bodyOf, draftOf, mistakesOf, SCRIPTS, type Scripted } from './inbox-script';

const read: Scripted = { status: 429, delaySeconds: 3, times: 2, body: 'busy', headers: { 'retry-after': '5', 'x-a': 'b' } };

describe('the script of a test receiver', () => {
  it('comes back as it was read', () => {
    const draft = draftOf(read);
    expect(draft).toEqual({ status: '429', delaySeconds: '3', times: '2', retryAfter: '5', body: 'busy', headers: { 'x-a': 'b' } });
    const { responses } = bodyOf([draft, ANSWER]);
    expect(responses).toEqual([
      { ...read, headers: { 'x-a': 'b', 'Retry-After': '5' } },
      { status: 200, delaySeconds: 0, times: 1, headers: {}, body: '' },
    ]);
  });

  it('names each mistake at its member', () => {
    expect(mistakesOf([{ ...ANSWER, status: '99', delaySeconds: '61', times: '0' }, ANSWER])).toEqual([
      ['responses.0.status', 200, 599],
      ['responses.0.delaySeconds', 0, 60],
      ['responses.0.times', 1, 1000],
    ]);
    expect(mistakesOf([{ ...ANSWER, status: '2e2' }])).toEqual([['responses.0.status', 200, 599]]);
  });

  it('does not ask how often the last answer is given: it repeats', () => {
    expect(mistakesOf([{ ...ANSWER, times: '' }])).toEqual([]);
    expect(bodyOf([{ ...ANSWER, times: '7' }]).responses[0]?.times).toBe(1);
  });

  it.each(Object.entries(SCRIPTS))('%s has no mistake', (_, script) => {
    expect(mistakesOf(script.map((one) => ({ ...ANSWER, ...one })))).toEqual([]);
  });
});
