import { describe, expect, it } from 'vitest';
import { csv, csvCell } from './csv';

describe('CSV', () => {
  it.each([
    '=1+1',
    '+1+1',
    '-1+1',
    '@SUM(A1)',
    '\t=1',
    '\r=1',
    '\n=1',
    '  =1',
    '\u200b=1',
    '"=1',
    "'=1",
    '＝1',
    '＠A1',
    '=HYPERLINK("https://example.com","x")',
    "=cmd|' /C calc'!A0",
  ])('%j is no formula', (text) => {
    expect(csvCell(text)).toBe(`"'${text.replaceAll('"', '""')}"`);
  });

  it.each([
    ['order.created', '"order.created"'],
    ['a,b', '"a,b"'],
    ['a"b', '"a""b"'],
    ['a\nb', '"a\nb"'],
    [-3, '"-3"'],
    ['-3.50', '"-3.50"'],
    [0, '"0"'],
    [null, '""'],
    [undefined, '""'],
    [true, '"true"'],
  ])('%j is %s', (value, cell) => {
    expect(csvCell(value)).toBe(cell);
  });

  it('has a header and lines that end as the format says', () => {
    expect(csv(['a', 'b'], [[1, 'x']])).toBe('"a","b"\r\n"1","x"\r\n');
  });
});
