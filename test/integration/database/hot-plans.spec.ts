import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import '../../../src/audit/audit-entry.repository.ts';
import '../../../src/auth/client-lookup.query.ts';
import '../../../src/leases/gateway-lease.query.ts';
import '../../../src/leases/issue-lease.repository.ts';
import '../../../src/leases/lease.repository.ts';
import '../../../src/leases/replace-tokens.repository.ts';
import { definedStatements } from '../../../src/database/statement.ts';
import { buildStatement } from '../../architecture/build-statement.ts';
import { type FreshDatabase, freshDatabase } from '../../support/fresh-database.ts';

/** The statements of leases, Graph calls, and who calls. */
const HOT_STATEMENTS = [
  'audit_record',
  'client_by_identity',
  'client_by_key',
  'lease_active',
  'lease_credentials_of_tokens',
  'lease_issue',
  'lease_record',
  'lease_replace_tokens',
  'lease_sealed',
  'lease_select_active',
  'lease_stored',
];
const TABLES = [
  'client',
  'client_key',
  'client_identity',
  'connection',
  'credential',
  'asset',
  'sealed_secret',
  'lease',
];
/** Besides the unique ones: what a request names, or that of one connection. */
const KEYS = ['asset_id', 'connection_living', 'credential_connection'];

interface PlanNode {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Name'?: string;
  'Index Cond'?: string;
  Plans?: PlanNode[];
}

let fresh: FreshDatabase;
let client: pg.Client;
let keys: ReadonlySet<string>;

beforeAll(async () => {
  fresh = await freshDatabase();
  client = new pg.Client({ connectionString: fresh.url });
  await client.connect();
  // As on the connections of `FailFastPool`.
  await client.query('SET enable_seqscan = off; SET enable_bitmapscan = off; SET jit = off');
  const unique = await client.query<{ name: string }>(
    `SELECT relname AS name FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
      WHERE indisunique AND relnamespace = 'public'::regnamespace`,
  );
  keys = new Set([...unique.rows.map(({ name }) => name), ...KEYS]);
});

afterAll(async () => {
  await client.end();
  await fresh.drop();
});

/** How a hot statement's one plan reads tables other than by a key. */
async function readsWithoutKey(name: string): Promise<string[]> {
  const statement = definedStatements().get(name);
  if (statement === undefined) throw new Error(`no statement ${name}`);
  const { text } = buildStatement(statement, {});
  const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>({
    text: `EXPLAIN (GENERIC_PLAN, FORMAT JSON) ${text}`,
  });
  return rows.flatMap((row) => row['QUERY PLAN'].flatMap(({ Plan }) => findReadsWithoutKey(Plan)));
}

function findReadsWithoutKey(node: PlanNode): string[] {
  const table = node['Relation Name'];
  const index = node['Index Name'] ?? '';
  const isRead = table !== undefined && node['Node Type'] !== 'ModifyTable' && !table.startsWith('pg_');
  const isByKey = keys.has(index) && node['Index Cond'] !== undefined;
  const found = isRead && !isByKey ? [`${node['Node Type']} ${table} ${index}`] : [];
  return [...found, ...(node.Plans ?? []).flatMap(findReadsWithoutKey)];
}

/** Fills a table with rows of random values. */
async function fill(table: string, count: number): Promise<void> {
  const constraints = await client.query<{ name: string }>(
    `SELECT conname AS name FROM pg_constraint WHERE conrelid = $1::regclass AND contype IN ('c', 'f')`,
    [table],
  );
  for (const { name } of constraints.rows) await client.query(`ALTER TABLE ${table} DROP CONSTRAINT ${name}`);
  const columns = await client.query<{ name: string; type: string }>(
    `SELECT attname AS name, format_type(atttypid, NULL) AS type FROM pg_attribute
      WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND attidentity = ''`,
    [table],
  );
  const names = columns.rows.map(({ name }) => name).join(', ');
  const values = columns.rows.map(({ name, type }) => randomValue(name, type)).join(', ');
  await client.query(`INSERT INTO ${table} (${names}) SELECT ${values} FROM generate_series(1, ${count}) AS n`);
}

function randomValue(name: string, type: string): string {
  if (type === 'boolean') return 'n % 2 = 0';
  if (type.startsWith('timestamp')) return `'2026-01-01'::timestamptz + n * interval '1 minute'`;
  if (type === 'text[]') return `'{a}'`;
  if (type.startsWith('json')) return `'{}'`;
  if (type === 'bytea') return `sha256(('${name}' || n)::bytea)`;
  return type === 'text' ? `md5('${name}' || n)` : 'n';
}

const expectKeysOnly = async (): Promise<void> => {
  const reads: Record<string, string[]> = {};
  for (const name of HOT_STATEMENTS) {
    const found = await readsWithoutKey(name);
    if (found.length > 0) reads[name] = found;
  }
  expect(reads).toEqual({});
};

describe('the one plan of each hot statement reads by keys alone', () => {
  it('on empty tables that were never analyzed', expectKeysOnly);

  it('on 100 rows that were never analyzed, and were', async () => {
    for (const table of TABLES) await fill(table, 100);
    await expectKeysOnly();
    await client.query('ANALYZE');
    await expectKeysOnly();
  });

  it('with the statistics of 10,000,000 rows', async () => {
    for (const table of TABLES) {
      await client.query(`UPDATE pg_class SET reltuples = 10000000 WHERE oid = $1::regclass`, [table]);
      const { rows } = await client.query(`EXPLAIN (FORMAT JSON) SELECT * FROM ${table}`);
      expect(rows[0]?.['QUERY PLAN'][0].Plan['Plan Rows']).toBeGreaterThan(5_000_000);
    }
    await expectKeysOnly();
  });

  it('notices a statement that does not', async () => {
    const { rows } = await client.query(
      `EXPLAIN (GENERIC_PLAN, FORMAT JSON) SELECT * FROM lease WHERE tenant = $1 AND product = $2`,
    );
    expect(findReadsWithoutKey(rows[0]?.['QUERY PLAN'][0].Plan)).toEqual(['Seq Scan lease ']);
  });
});
