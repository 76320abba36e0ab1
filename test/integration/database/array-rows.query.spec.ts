import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import pg from 'pg';
import sql from 'sql-template-tag';
import { defineArrayRows, toRowArrays } from '../../../src/database/array-rows.query.ts';
import { type FreshDatabase, freshDatabase } from '../../support/fresh-database.ts';

let fresh: FreshDatabase;
let client: pg.Client;

beforeAll(async () => {
  fresh = await freshDatabase();
  client = new pg.Client({ connectionString: fresh.url });
  await client.connect();
});
afterAll(async () => {
  await client?.end();
  await fresh?.drop();
});

/** What Postgres can store as text, with what an array's syntax is made of. */
const text = fc.oneof(
  fc.string({ unit: 'grapheme' }).map((any) => any.replaceAll('\0', '')),
  fc.constantFrom('NULL', 'null', '', ' ', '"', '\\', '{}', ',', '\\"', '{"a",NULL}'),
);
const row = fc.record({
  text: fc.option(text),
  bytes: fc.option(fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes))),
  number: fc.option(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
  yes: fc.option(fc.boolean()),
  at: fc.option(fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true })),
});

const COLUMNS = { text: 'text', bytes: 'bytea', number: 'integer', yes: 'boolean', at: 'timestamptz' } as const;
const MOST = 20;
const DEFINITIONS = [
  { kind: 'as they come', rowsOf: defineArrayRows('i', COLUMNS) },
  { kind: 'up to a number', rowsOf: defineArrayRows('i', COLUMNS, MOST) },
];

it.each(DEFINITIONS)('makes rows of arrays, $kind, with any text, bytes, numbers, and instants', async ({ rowsOf }) => {
  await fc.assert(
    fc.asyncProperty(fc.array(row, { maxLength: MOST }), async (rows) => {
      const statement = sql`SELECT i.* FROM ${rowsOf(toRowArrays(COLUMNS, rows))} ORDER BY n`;
      const found = await client.query({ text: statement.text, values: statement.values });
      expect(found.rows).toEqual(rows.map((each, index) => ({ n: index + 1, ...each })));
    }),
    { numRuns: 100 },
  );
});
