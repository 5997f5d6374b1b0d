import { describe, expect, it } from 'vitest';

import { middle, safeBlock, safeLine, urlParts } from './safe-text';

describe('text of strangers', () => {
  it('shows what the eye cannot see', () => {
    expect(safeLine('a\u202eb\u200bc\u0000d\ufeffe\u2066')).toBe('a\\u202eb\\u200bc\\u0000d\\ufeffe\\u2066');
    expect(safeLine('tag\u{e0041}')).toBe('tag\\u{e0041}');
    expect(safeLine('half \ud800 pair')).toBe('half \\ud800 pair');
  });

  it('keeps what people write', () => {
    for (const text of ['Zürich – Café', '日本語', 'العربية', '👍🏽', 'a b']) expect(safeLine(text)).toBe(text);
  });

  it('has one line, or a block with its lines', () => {
    expect(safeLine('a\nb\tc\r\n')).toBe('a\\nb\\tc\\u000d\\n');
    expect(safeBlock('a\r\nb\tc\rd')).toBe('a\nb\tc\\u000dd');
  });

  it('cuts in the middle, never a pair', () => {
    expect(middle('abcdefghij', 5)).toBe('ab…ij');
    expect(middle('abc', 5)).toBe('abc');
    expect(middle('👍👍👍👍', 3)).toBe('👍…👍');
  });
});

describe('URLs', () => {
  it('set the host off', () => {
    expect(urlParts('https://erp.example.com/a/b?c')).toEqual({ scheme: '', host: 'erp.example.com', path: '/a/b?c' });
    expect(urlParts('http://127.0.0.1:99/')).toEqual({ scheme: 'http://', host: '127.0.0.1:99', path: '' });
    expect(urlParts('postel:inbox')).toEqual({ scheme: '', host: '', path: 'postel:inbox' });
    expect(urlParts('javascript:alert(1)').host).toBe('');
  });
});
