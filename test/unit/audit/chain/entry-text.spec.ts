import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseTextArray, readEntryText } from '../../../../src/audit/chain/entry-text.ts';

/** As Postgres prints an array of texts: quotes where an element could be taken for something else. */
function print(elements: readonly (string | null)[]): string {
  const printed = elements.map((element) => {
    if (element === null) return 'NULL';
    const isPlain = element !== '' && !/[\s"\\{},]/.test(element) && element.toUpperCase() !== 'NULL';
    return isPlain ? element : `"${element.replace(/["\\]/g, '\\$&')}"`;
  });
  return `{${printed.join(',')}}`;
}

describe('the text of an entry', () => {
  it('is read into the columns that it was printed from', () => {
    const element = fc.option(
      fc.oneof(fc.string({ unit: 'grapheme' }), fc.json(), fc.constantFrom('NULL', 'null', '"', '\\', ',}', '\n')),
    );
    fc.assert(
      fc.property(fc.array(element, { minLength: 1, maxLength: 11 }), (elements) => {
        expect(parseTextArray(print(elements))).toEqual(elements);
      }),
    );
  });

  it('has the digest that Postgres computes of its bytes', () => {
    const text = '{aud_1,"café, tea",NULL}';
    const digest = createHash('sha256').update(text, 'utf8').digest();
    expect(readEntryText(text)).toEqual({ fields: ['aud_1', 'café, tea', null], digest });
  });

  it.each(['{"a', '{a', '{a"b}'])('is refused where it is no array: %s', (text) => {
    expect(() => parseTextArray(text)).toThrow('cannot be read');
  });
});
