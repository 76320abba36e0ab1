import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { encodeFields } from '../../../../src/audit/chain/chain-encoding.ts';

const fields = fc.array(fc.option(fc.string({ unit: 'grapheme', maxLength: 8 }), { nil: null }), { maxLength: 6 });

describe('the encoding under the chain', () => {
  it('gives no two different lists the same bytes', () => {
    fc.assert(
      fc.property(fields, fields, (a, b) => {
        expect(encodeFields(a).equals(encodeFields(b))).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
      { numRuns: 2_000 },
    );
  });

  it('tells null from empty, and where one field ends from where the next begins', () => {
    const lists = [[null], [''], ['', ''], [null, ''], ['ab', 'c'], ['a', 'bc'], ['abc'], []];
    expect(new Set(lists.map((list) => encodeFields(list).toString('hex'))).size).toBe(lists.length);
  });
});
