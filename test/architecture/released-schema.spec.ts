import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { type FreshDatabase, freshDatabase } from '../support/fresh-database.ts';
import { findContractions, RELEASED_SCHEMA_FILE, type ReleasedSchema } from '../support/released-schema.ts';

const released = JSON.parse(readFileSync(RELEASED_SCHEMA_FILE, 'utf8')) as ReleasedSchema;
let fresh: FreshDatabase;
/** Before any test changes the schema. */
let contractions: string[];

beforeAll(async () => {
  fresh = await freshDatabase();
  contractions = await findContractions(fresh.url, released);
});
afterAll(() => fresh?.drop());

async function alter(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: fresh.url });
  await client.connect();
  await client.query(statement);
  await client.end();
}

// Migrations expand; what the last release uses goes one release later (docs/decisions.md, CONTRIBUTING.md).
describe('replicas of the last release', () => {
  it('work on the schema of this one: their statements, and the rows that they write', async () => {
    expect(Object.keys(released.statements).length).toBeGreaterThan(200);
    expect(contractions).toEqual([]);
  });

  it.each([
    ['ALTER TABLE lease ADD COLUMN addition text NOT NULL', 'lease.addition: is new and required'],
    ['ALTER TABLE lease ADD CHECK (ended_at IS NULL)', 'lease: CHECK ((ended_at IS NULL)): is new'],
    ['CREATE UNIQUE INDEX stricter ON client (name)', 'client: CREATE UNIQUE INDEX stricter'],
    [
      "ALTER TABLE client DROP CONSTRAINT client_role_check, ADD CHECK (role IN ('service', 'admin', 'operator'))",
      'client: CHECK ((role = ANY',
    ],
    ['ALTER TABLE lease RENAME COLUMN asset_id TO thing_id', 'lease.asset_id: was text, is gone'],
  ])('would not after: %s', async (statement, contraction) => {
    await alter(statement);
    expect((await findContractions(fresh.url, released)).join('\n')).toContain(contraction);
  });
});
