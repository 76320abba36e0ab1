import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { findSiblingId } from '../../../../src/gateway/response/sibling-id.ts';

/** The member `"t":"…"` of a text, in the spelling of its layer. */
function memberOf(text: string): { start: number; end: number } {
  const found = /(\\*)"t\1":\1"[^"\\]*\1"/.exec(text);
  if (found === null) throw new Error('the text has no such member');
  return { start: found.index, end: found.index + found[0].length };
}
const idOf = (text: string) => findSiblingId(text, memberOf(text));
const nested = (text: string, layers: number): string =>
  layers === 0 ? text : nested(JSON.stringify(text), layers - 1);

describe('the id beside a member', () => {
  it.each([
    ['behind it', '{"t":"x","id":"12"}', '12'],
    ['ahead of it', '{"id":"12","t":"x"}', '12'],
    ['as a number', '{"t":"x","name":"n","id":12}', '12'],
    ['beyond nested objects', '{"t":"x","a":{"id":"9","b":[{"id":"8"}]},"c":"}","id":"12"}', '12'],
    ['ahead of nested objects', '{"id":"12","c":"{[","a":{"id":"9"},"l":["]",{"id":"8"}],"t":"x"}', '12'],
    ['with blanks', '{\n  "t" : "x",\n  "id" : "12"\n}'.replace('"t" : ', '"t":'), '12'],
    ['among others of a list', '{"data":[{"t0":"y","id":"11"},{"t":"x","id":"12"},{"id":"13"}]}', '12'],
    ['none', '{"t":"x","name":"n"}', null],
    ['none, and others around', '{"id":"1","a":{"t":"x","b":{"id":"2"}},"id2":"3"}', null],
    ['one that is no id', '{"t":"x","id":"a b"}', null],
    ['a word as value', '{"t":"x","name":"id","ids":"7"}', null],
    ['not yet', '{"t":"x","name":"n",', undefined],
    ['half of it', '{"t":"x","id":"1', undefined],
    ['half of a number', '{"t":"x","id":12', undefined],
    ['half of a string', '{"t":"x","name":"n', undefined],
  ])('is found: %s', (_, text, expected) => {
    expect(idOf(text)).toBe(expected);
  });

  it('is found in strings of JSON in strings of JSON', () => {
    const object = '{"a":{"id":"9"},"q":"say \\"id\\"","t":"x","name":"o\\"h","id":"12"}';
    for (const layers of [1, 2, 3]) expect(idOf(nested(object, layers))).toBe('12');
    expect(idOf(`{"id":"1","body":${nested('{"t":"x"}', 1)},"b":"c"}`)).toBeNull();
  });

  it('is found wherever JSON.stringify puts it, or not at all', () => {
    const members = fc.dictionary(fc.string({ maxLength: 4 }), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 5 });
    fc.assert(
      fc.property(
        members,
        members,
        fc.option(fc.bigInt({ min: 1n, max: 10n ** 17n })),
        fc.nat(2),
        (a, b, id, layers) => {
          const clean = (from: object) => Object.entries(from).filter(([name]) => name !== 'id' && name !== 't');
          const entries = [...clean(a), ['t', 'T0KEN'], ...clean(b)];
          if (id !== null) entries.splice(Number(id) % (entries.length + 1), 0, ['id', String(id)]);
          const text = nested(JSON.stringify([{ id: '5' }, Object.fromEntries(entries), { id: '6' }]), layers);
          const found = /(\\*)"t\1":\1"T0KEN\1"/.exec(text);
          if (found === null) return;
          const got = findSiblingId(text, { start: found.index, end: found.index + found[0].length });
          expect(got).toBe(id === null ? null : String(id));
        },
      ),
      { numRuns: 500 },
    );
  });
});
