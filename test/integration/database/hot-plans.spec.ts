import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import '../../../src/audit/audit-entry.repository.ts';
import '../../../src/audit/chain/audit-link.repository.ts';
import '../../../src/auth/client-lookup.query.ts';
import '../../../src/leases/issue-foreseen-leases.repository.ts';
import '../../../src/leases/issue-lease.repository.ts';
import '../../../src/leases/lease.repository.ts';
import '../../../src/leases/replace-tokens.repository.ts';
import { definedStatements, type Statement } from '../../../src/database/statement.ts';
import { selectActiveLeases, selectionAt } from '../../../src/leases/gateway-lease.query.ts';
import { addSeconds } from '../../../src/platform/clock.ts';
import { DAY_SECONDS } from '../../../src/platform/duration.ts';
import { firstIdAt } from '../../../src/platform/ids.ts';
import { buildStatement } from '../../architecture/build-statement.ts';
import { type FreshDatabase, freshDatabase } from '../../support/fresh-database.ts';

/** The statements of leases, Graph calls, and the lookup of callers. */
const HOT_STATEMENTS = [
  'audit_record',
  'client_by_identity',
  'client_by_key',
  'lease_active',
  'lease_active_ancestors',
  'lease_credentials_of_tokens',
  'lease_issue',
  'lease_issue_foreseen',
  'lease_issue_foreseen_one',
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
/** Indexes that count as keys besides unique ones: they find what a request names, or the rows of one connection. */
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
  // Same as the connections of `FailFastPool`.
  await client.query('SET enable_seqscan = off; SET enable_bitmapscan = off; SET jit = off');
  await readKeys();
});

afterAll(async () => {
  await client.end();
  await fresh.drop();
});

/** Partitions have keys of their own. */
async function readKeys(): Promise<void> {
  const unique = await client.query<{ name: string }>(
    `SELECT relname AS name FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
      WHERE indisunique AND relnamespace = 'public'::regnamespace`,
  );
  keys = new Set([...unique.rows.map(({ name }) => name), ...KEYS]);
}

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

/** Fills a table with rows of random values, once. */
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
  await client.query(
    `INSERT INTO ${table} (${names}) SELECT ${values} FROM generate_series(1, ${count}) AS n ON CONFLICT DO NOTHING`,
  );
}

function randomValue(name: string, type: string): string {
  if (type === 'boolean') return 'n % 2 = 0';
  if (type.startsWith('timestamp')) return `'2026-01-01'::timestamptz + n * interval '1 minute'`;
  if (type === 'text[]') return `'{a}'`;
  if (type.startsWith('json')) return `'{}'`;
  if (type === 'bytea') return `sha256(('${name}' || n)::bytea)`;
  return type === 'text' ? `md5('${name}' || n)` : 'n';
}

/** Makes the partition of a week, counted from now. */
async function makePartition(table: string, week: number): Promise<void> {
  await client.query(
    `SELECT make_partition($1, day + $2 * interval '7 days', day + ($2 + 1) * interval '7 days')
      FROM date_trunc('day', now(), 'UTC') AS day`,
    [table, week],
  );
}

/** The partitions that a prepared statement opens with these values, on a connection like those of `FailFastPool`. */
async function readPartitions(table: string, { text, values = [] }: Statement): Promise<string[]> {
  await client.query('SET plan_cache_mode = force_generic_plan');
  try {
    await client.query(`PREPARE opened AS ${text}`);
    const given = values.map((value) => client.escapeLiteral(toText(value))).join(', ');
    const { rows } = await client.query<Record<string, [{ Plan: PlanNode }]>>(
      `EXPLAIN (FORMAT JSON) EXECUTE opened (${given})`,
    );
    const names = rows.flatMap((row) => row['QUERY PLAN']?.flatMap(({ Plan }) => findRelations(Plan)) ?? []);
    return [...new Set(names.filter((name) => name.startsWith(`${table}_`)))];
  } finally {
    await client.query('RESET plan_cache_mode; DEALLOCATE opened');
  }
}

function toText(value: unknown): string {
  if (Array.isArray(value)) return `{${value.join(',')}}`;
  return value instanceof Date ? value.toISOString() : String(value);
}

function findRelations(node: PlanNode): string[] {
  return [
    ...(node['Relation Name'] === undefined ? [] : [node['Relation Name']]),
    ...(node.Plans ?? []).flatMap(findRelations),
  ];
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
      // The planner takes rows per page from here, and counts the pages itself.
      await fill(table, 100);
      // The planner adds up the partitions of a table.
      await client.query(
        `UPDATE pg_class SET reltuples = 10000000, relpages = 1
          WHERE oid = $1::regclass OR oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = $1::regclass)`,
        [table],
      );
      const { rows } = await client.query(`EXPLAIN (FORMAT JSON) SELECT * FROM ${table}`);
      expect(rows[0]?.['QUERY PLAN'][0].Plan['Plan Rows']).toBeGreaterThan(5_000_000);
    }
    await expectKeysOnly();
  });

  it('with many partitions, of which calls at the gateway open the recent one alone', async () => {
    const now = new Date();
    for (let week = 2; week < 10; week++) await makePartition('lease', week);
    await readKeys();
    await expectKeysOnly();
    const opened = await readPartitions('lease', selectActiveLeases(selectionAt(now, [firstIdAt('lse', now)])));
    expect(opened).toEqual(['lease_first']);
    const later = addSeconds(now, 23 * DAY_SECONDS);
    const [partition] = await readPartitions(
      'lease',
      selectActiveLeases(selectionAt(later, [firstIdAt('lse', later)])),
    );
    expect(partition).toMatch(/^lease_\d{8}$/);
  });

  it('with many partitions of the audit record, of which linking opens those of its entries alone', async () => {
    for (const table of ['audit_entry', 'audit_link'])
      for (let week = 2; week < 10; week++) await makePartition(table, week);
    const unlinked = definedStatements().get('audit_unlinked');
    if (unlinked === undefined) throw new Error('there is no such statement');
    const at = addSeconds(new Date(), 23 * DAY_SECONDS);
    const span = { from: firstIdAt('aud', at), before: firstIdAt('aud', addSeconds(at, 1)) };
    const statement = buildStatement(unlinked, span);
    for (const table of ['audit_entry', 'audit_link']) {
      const opened = await readPartitions(table, statement);
      expect(opened).toEqual([expect.stringMatching(/_\d{8}$/)]);
    }
  });

  it('notices a statement that does not', async () => {
    const { rows } = await client.query(
      `EXPLAIN (GENERIC_PLAN, FORMAT JSON) SELECT * FROM lease WHERE tenant = $1 AND product = $2`,
    );
    expect(findReadsWithoutKey(rows[0]?.['QUERY PLAN'][0].Plan)).toContain('Seq Scan lease_first ');
  });
});
