import { describe, expect, it } from 'vitest';
import { type JsonNode, parseJson, sourceOf } from './json';

function plain(node: JsonNode | undefined): unknown {
  if (node === undefined) return undefined;
  switch (node.kind) {
    case 'object':
      return Object.fromEntries(node.members.map(({ key, value }) => [key, plain(value)]));
    case 'array':
      return node.members.map(({ value }) => plain(value));
    case 'string':
      return node.text;
    default:
      return JSON.parse(node.text) as unknown;
  }
}

describe('JSON as it was written', () => {
  it.each(['98.50', '12345678901234567890', '1e400', '-0', '1E+2', '0.10'])('keeps the digits of %s', (number) => {
    expect(parseJson(`{"n": ${number}}`)?.members[0]?.value.text).toBe(number);
  });

  it.each([
    '{}',
    '[]',
    ' { "a" : [ 1 , true , null , "x\\n\\u00e4\\ud83c\\udf89" ] , "b" : { "c" : -1.5e3 } } ',
    '"\\"\\\\\\/\\b\\f\\n\\r\\t"',
    '"ü🎉"',
    '[[[[]]]]',
    '{"":{"":""}}',
  ])('means the same as JSON.parse for %s', (text) => {
    expect(plain(parseJson(text))).toEqual(JSON.parse(text));
  });

  it.each([
    '',
    ' ',
    '{',
    '[1,]',
    '{"a":1,}',
    '{a:1}',
    '01',
    '1.',
    '+1',
    'NaN',
    'tru',
    '"a',
    '"a\nb"',
    '"\\x"',
    '"\\u12"',
    '1 2',
    '<html>',
    '\ufeff{}',
    '{"a" 1}',
  ])('%j is none', (text) => {
    expect(() => JSON.parse(text) as unknown).toThrow();
    expect(parseJson(text)).toBeUndefined();
  });

  it('keeps a member that is there twice, and its order', () => {
    const keys = parseJson('{"b":1,"a":2,"b":3}')?.members.map(({ key }) => key);
    expect(keys).toEqual(['b', 'a', 'b']);
  });

  it('takes 128 levels, and does not break on 100,000', () => {
    expect(parseJson('['.repeat(128) + ']'.repeat(128))?.size).toBe(128);
    expect(parseJson('['.repeat(100_000) + ']'.repeat(100_000))).toBeUndefined();
  });

  it('takes 256 KiB in a moment, in many values or in one', () => {
    const many = `[${'1,'.repeat(131_000)}1]`;
    const one = JSON.stringify('\\n'.repeat(64 * 1024));
    const begin = performance.now();
    expect(parseJson(many)?.size).toBe(131_002);
    expect(parseJson(one)?.kind).toBe('string');
    expect(performance.now() - begin).toBeLessThan(1000);
  });

  it('gives a member as it is written', () => {
    const text = '{"id":"x","data":{ "price": 98.50,\n "n": 12345678901234567890 },"z":1}';
    expect(sourceOf(text, 'data')).toBe('{ "price": 98.50,\n "n": 12345678901234567890 }');
    expect(sourceOf(text, 'none')).toBeUndefined();
    expect(sourceOf('[]', 'data')).toBeUndefined();
    expect(sourceOf('<html>', 'data')).toBeUndefined();
  });
});
