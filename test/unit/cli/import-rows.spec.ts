import { describe, expect, it } from '@jest/globals';
import { readImportRows } from '../../../src/cli/import-rows.ts';

const read = (text: string) =>
  readImportRows(text).map(({ line, tenant, product, token }) => [line, tenant, product, token.expose()]);

describe('rows to be imported', () => {
  it('are read from JSON lines', () => {
    const row = { tenant: 'a', product: 'pages', access_token: 'EAA1', note: 'left out' };
    expect(read(`${JSON.stringify(row)}\n\n${JSON.stringify({ ...row, tenant: 'b' })}\n`)).toEqual([
      [1, 'a', 'pages', 'EAA1'],
      [3, 'b', 'pages', 'EAA1'],
    ]);
  });

  it('are read from CSV with its columns in any order, quotes, and line ends of Windows', () => {
    const text = '\ufeffaccess_token,note,tenant,product\r\nEAA1,"one, ""two""\r\nthree",a,pages\r\n\r\nEAA2,,b,ads';
    expect(read(text)).toEqual([
      [2, 'a', 'pages', 'EAA1'],
      [5, 'b', 'ads', 'EAA2'],
    ]);
  });

  it.each([
    ['tenant,product\na,b', 'access_token is missing'],
    ['tenant,product,access_token\na,pages,EAA1\nb,pages,', 'Line 3 has no access_token'],
    ['{"tenant":"a"', 'Line 1 is not JSON'],
    ['tenant,product,access_token\na,pages,"EAAsecret', 'Line 2 is not CSV'],
  ])('tell what is wrong with %j, without a token', (text, told) => {
    expect(() => readImportRows(text)).toThrow(told);
    expect(() => readImportRows(text)).not.toThrow('EAAsecret');
  });
});
