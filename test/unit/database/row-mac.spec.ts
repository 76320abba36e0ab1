import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CLIENT_IDENTITY_MAC, CLIENT_KEY_MAC, CLIENT_MAC } from '../../../src/auth/client-macs.ts';
import { type CoveredValue, encodeValue, type RowMacDefinition } from '../../../src/database/row-mac.ts';
import { LEASE_MAC } from '../../../src/leases/lease-mac.ts';

/** Few letters, including those of the encoding, so that ambiguous texts come up often. */
const text = fc.string({ unit: fc.constantFrom('a', 's', 'n', 'i', '0', '1', '2', ':', ';', 'ä'), maxLength: 6 });
const { value } = fc.letrec<{ value: CoveredValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constant(null),
    fc.boolean(),
    fc.integer({ min: -12, max: 12 }),
    text,
    fc.date({ min: new Date(0), max: new Date(20), noInvalidDate: true }),
    fc.uint8Array({ maxLength: 2 }).map((bytes) => Buffer.from(bytes)),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(text, tie('value'), { maxKeys: 3, noNullPrototype: true }),
  ),
}));

describe('the encoding of covered values', () => {
  it('is equal for equal values only', () => {
    fc.assert(
      fc.property(value, value, (one, other) => {
        expect(encodeValue(one) === encodeValue(other)).toBe(isDeepStrictEqual(one, other));
      }),
      { numRuns: 3_000 },
    );
  });

  it('keeps the boundaries of values', () => {
    fc.assert(
      fc.property(fc.array(value, { maxLength: 3 }), fc.array(value, { maxLength: 3 }), (one, other) => {
        expect(encodeValue(one) === encodeValue(other)).toBe(isDeepStrictEqual(one, other));
      }),
      { numRuns: 3_000 },
    );
  });

  it("does not depend on the order of an object's keys", () => {
    expect(encodeValue({ a: ['x'], b: null })).toBe(encodeValue({ b: null, a: ['x'] }));
  });

  it('distinguishes null, absent, empty text and empty list', () => {
    const different: CoveredValue[] = [null, '', [], [null], {}, 'n', 0, false, '0'];
    expect(new Set(different.map(encodeValue)).size).toBe(different.length);
  });
});

const CLIENT = {
  id: 'cli_1',
  name: 'shop',
  role: 'service',
  tenants: ['a'],
  products: ['pages'],
  lease_modes: ['gateway'],
  max_ttl_seconds: 60,
  rate_limit_per_second: null,
  allow: { pages: ['GET /me'] },
  ip_allow_list: null,
  policy_version: 1,
  created_at: new Date(0),
  deleted_at: null,
};
const KEY = { hash: Buffer.from('h'), client_id: 'cli_1', created_at: new Date(0), expires_at: new Date(9) };
const IDENTITY = { issuer: 'https://i.example', subject: 's', audience: 'a', client_id: 'cli_1' };
const LEASE = {
  id: 'lse_1',
  mode: 'gateway',
  secret_hash: Buffer.from('h'),
  client_id: 'cli_1',
  tenant: 'a',
  product: 'pages',
  connection_id: 'con_1',
  credential_id: 'crd_1',
  credential_version: 1,
  asset_type: 'page',
  asset_id: '501',
  issued_at: new Date(0),
  expires_at: new Date(9),
  ancestor_ids: ['lse_0'],
};
const TABLES: readonly [RowMacDefinition<never>, Readonly<Record<string, unknown>>][] = [
  [CLIENT_MAC, CLIENT],
  [CLIENT_KEY_MAC, KEY],
  [CLIENT_IDENTITY_MAC, IDENTITY],
  [LEASE_MAC, LEASE],
];

describe.each(TABLES.map(([definition, row]) => ({ table: definition.table, definition, row })))('$table', (of) => {
  const encode = of.definition.encode as (row: Readonly<Record<string, unknown>>) => string;

  it.each(Object.keys(of.row))('covers %s', (column) => {
    const changed = [null, 'other', ['other'], new Date(5), Buffer.from('other'), 7].filter(
      (candidate) => !isDeepStrictEqual(candidate, of.row[column]),
    );
    for (const candidate of changed) expect(encode({ ...of.row, [column]: candidate })).not.toBe(encode(of.row));
  });

  it('has a different MAC than the same values in another table', () => {
    const others = TABLES.filter(([{ table }]) => table !== of.table);
    for (const [other] of others) {
      const all = { ...CLIENT, ...KEY, ...IDENTITY, ...LEASE };
      expect((other.encode as typeof encode)(all)).not.toBe(encode(all));
    }
  });
});
