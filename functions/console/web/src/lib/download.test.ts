import { expect, it } from 'vitest';
import { fileName } from './download';

it.each([
  [['dlv_1', 'request.txt'], 'dlv_1-request.txt'],
  [['../../etc/passwd'], '__.._etc_passwd'],
  [['a\u202eb', 'x.txt'], 'a_b-x.txt'],
  [['.bashrc'], '_bashrc'],
])('%j is saved as %s', (parts, name) => {
  expect(fileName(...parts)).toBe(name);
});
