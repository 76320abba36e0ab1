import { describe, expect, it } from '@jest/globals';
import { type DescriptionPatch, patchDescription } from '../../../../src/connections/description/description.ts';
import { addDescription } from '../../../../src/events/outbox/event-data.ts';

const CURRENT = { reference: 'shop-1', metadata: { plan: 'pro', region: 'europe' } };

describe('a merge patch of a description (RFC 7396)', () => {
  it.each<[DescriptionPatch, unknown]>([
    [{}, CURRENT],
    [{ reference: 'shop-2' }, { ...CURRENT, reference: 'shop-2' }],
    [{ reference: null }, { ...CURRENT, reference: null }],
    [{ metadata: {} }, CURRENT],
    [
      { metadata: { plan: 'free', seats: '5' } },
      { ...CURRENT, metadata: { plan: 'free', region: 'europe', seats: '5' } },
    ],
    [{ metadata: { plan: null, none: null } }, { ...CURRENT, metadata: { region: 'europe' } }],
    [{ metadata: null }, { ...CURRENT, metadata: {} }],
  ])('%j', (patch, expected) => {
    expect(patchDescription(CURRENT, patch)).toEqual(expected);
  });
});

describe("a description in an event's data", () => {
  it('keeps the text as it is', () => {
    const data = '{"id":17841400000000000123}';
    const added = addDescription(data, { app_id: '5', reference: 'a"b', metadata: '{"n":"1"}' });
    expect(added).toBe('{"id":17841400000000000123,"reference":"a\\"b","metadata":{"n":"1"},"app_id":"5"}');
  });

  it('is absent without a connection', () => {
    expect(addDescription('{"erased":true}', { app_id: null, reference: null, metadata: null })).toBe(
      '{"erased":true}',
    );
  });
});
