import { describe, expect, it } from '@jest/globals';
import { readImportRows } from '../../../../src/cli/import/import-rows.ts';

const read = (text: string) =>
  readImportRows(text).map((row) =>
    'fault' in row ? [row.line, row.fault] : [row.line, row.tenant, row.product, row.token.expose()],
  );

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

  it('may have a reference', () => {
    const rows = readImportRows('tenant,product,access_token,reference\na,pages,EAA1, shop-1 \nb,pages,EAA2,');
    expect(rows).toMatchObject([{ tenant: 'a', reference: 'shop-1' }, { tenant: 'b' }]);
    expect(rows[1]).not.toHaveProperty('reference');
  });

  it('may name the Meta app of the token', () => {
    const rows = readImportRows('tenant,product,access_token,app_id\na,pages,EAA1, 12 \nb,pages,EAA2,');
    expect(rows).toMatchObject([{ tenant: 'a', appId: '12' }, { tenant: 'b' }]);
    expect(rows[1]).not.toHaveProperty('appId');
    const row = { tenant: 'a', product: 'pages', access_token: 'EAA1' };
    const lines = ['12', 12].map((id) => JSON.stringify({ ...row, app_id: id }));
    expect(readImportRows(lines.join('\n'))).toMatchObject([
      { appId: '12' },
      { line: 2, fault: 'has a value that is not text' },
    ]);
  });

  it('may have metadata: columns of CSV, an object in JSON lines', () => {
    const csv = readImportRows(
      'tenant,product,access_token,metadata.plan,metadata.region\na,pages,EAA1, pro ,\nb,pages,EAA2,,',
    );
    expect(csv).toMatchObject([{ metadata: { plan: 'pro' } }, { tenant: 'b' }]);
    expect(csv[1]).not.toHaveProperty('metadata');
    const row = { tenant: 'a', product: 'pages', access_token: 'EAA1' };
    const lines = [{ plan: 'pro' }, { plan: 1 }, ['pro']].map((metadata) => JSON.stringify({ ...row, metadata }));
    expect(readImportRows(lines.join('\n'))).toMatchObject([
      { metadata: { plan: 'pro' } },
      { line: 2, fault: 'has metadata that are not pairs of text' },
      { line: 3, fault: 'has metadata that are not pairs of text' },
    ]);
  });

  it.each([
    ['tenant,product,access_token\na,pages,EAA1\nb,pages,\nc,pages,EAA3', 3, 'has no access_token'],
    [
      'tenant,product,access_token\na,pages,EAA1\nb,c,pages,EAAsecret\nc,pages,EAA3',
      3,
      'has 4 fields, the first line 3',
    ],
    [
      '{"tenant":"a","product":"pages","access_token":"EAA1"}\n{"tenant":"EAAsecret\n{"tenant":"c","product":"pages","access_token":"EAA3"}',
      2,
      'is not a JSON object',
    ],
    [
      '{"tenant":"a","product":"pages","access_token":"EAA1"}\nnull\n{"tenant":"c","product":"pages","access_token":"EAA3"}',
      2,
      'is not a JSON object',
    ],
    [
      '{"tenant":"a","product":"pages","access_token":"EAA1"}\n{"tenant":7,"product":"pages","access_token":"EAAsecret"}\n{"tenant":"c","product":"pages","access_token":"EAA3"}',
      2,
      'has a value that is not text',
    ],
  ])('are read around a line that is broken, which is named without what stands in it: %j', (text, line, fault) => {
    const rows = read(text);
    expect(rows.filter((row) => row.length === 2)).toEqual([[line, fault]]);
    expect(rows.filter((row) => row.length === 4).map((row) => row[3])).toEqual(['EAA1', 'EAA3']);
  });

  it('of CSV that ends without a line end, or with empty lines, are all there', () => {
    expect(read('tenant,product,access_token\na,pages,EAA1\n\n\n')).toEqual([[2, 'a', 'pages', 'EAA1']]);
    expect(read('tenant,product,access_token\n"a","pages"," EAA1 "')).toEqual([[2, 'a', 'pages', 'EAA1']]);
  });

  it.each([
    ['', 'no column tenant, product, access_token'],
    ['tenant,product\na,b', 'no column access_token'],
    ['tenant,product,access_token,tenant\na,pages,EAAsecret,b', 'names tenant twice'],
    ['tenant,product,access_token\na,pages,"EAAsecret', 'Line 2 is not CSV'],
  ])('tell what is wrong with %j, without a token', (text, reported) => {
    expect(() => readImportRows(text)).toThrow(reported);
    expect(() => readImportRows(text)).not.toThrow('EAAsecret');
  });
});
