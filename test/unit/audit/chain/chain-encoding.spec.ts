import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { encodeFields } from '../../../../src/audit/chain/chain-encoding.ts';

const fields = fc.array(fc.option(fc.string({ unit: 'grapheme', maxLength: 8 }), { nil: null }), { maxLength: 6 });

describe('the encoding of fields', () => {
  it('gives different bytes for different lists', () => {
    fc.assert(
      fc.property(fields, fields, (a, b) => {
        expect(encodeFields(a).equals(encodeFields(b))).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
      { numRuns: 2_000 },
    );
  });

  it('distinguishes null from empty, and where fields end', () => {
    const lists = [[null], [''], ['', ''], [null, ''], ['ab', 'c'], ['a', 'bc'], ['abc'], []];
    expect(new Set(lists.map((list) => encodeFields(list).toString('hex'))).size).toBe(lists.length);
  });
});
