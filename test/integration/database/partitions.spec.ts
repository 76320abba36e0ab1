import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { Registry } from 'prom-client';
import type { QueryRunner } from 'typeorm';
import { addPartitionBound, partitionByTime, validateChecks } from '../../../migrations/time-partitions.ts';
import { makePartition, type PartitionedTable } from '../../../src/database/partitions/partition.repository.ts';
import { PartitionService } from '../../../src/database/partitions/partition.service.ts';
import { DAY_SECONDS } from '../../../src/platform/duration.ts';
import { firstIdAt } from '../../../src/platform/ids.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { type OpenDatabase, openFreshDatabase } from '../../support/fresh-database.ts';
import { idleJobScheduler } from '../../support/idle-job-scheduler.ts';
import { captureLog } from '../../support/test-replica.ts';

const DAY_MS = DAY_SECONDS * 1_000;
/** The start of today, on which the service's clock is based. */
const today = new Date(Math.floor(Date.now() / DAY_MS) * DAY_MS);
const dayAt = (days: number): Date => new Date(today.getTime() + days * DAY_MS);

let open: OpenDatabase;
let clock: FakeClock;
let log: ReturnType<typeof captureLog>;
let registry: Registry;
let partitions: PartitionService;

beforeEach(async () => {
  open = await openFreshDatabase();
  clock = new FakeClock(today.toISOString());
  log = captureLog();
  registry = new Registry();
  partitions = new PartitionService(open.database, clock, log.logger, registry, idleJobScheduler());
  partitions.register('lease', { days: 8 });
});
afterEach(() => open?.close());

const query = (text: string): Promise<Record<string, unknown>[]> => open.database.rows({ text });

/** A lease that was made at an instant. Returns its partition. */
async function insertLease(at: Date, tail: string): Promise<string> {
  const id = `${firstIdAt('lse', at)}${tail.padStart(16, '0')}`;
  await query(`INSERT INTO lease (id, mode, client_id, connection_id, credential_id, credential_version, tenant, product, issued_at, expires_at)
    VALUES ('${id}', 'token', 'cli_1', 'con_1', 'crd_1', 1, 'acme', 'pages', now(), now())`);
  return partitionOf(id);
}

async function partitionOf(id: string): Promise<string> {
  const [row] = await query(`SELECT tableoid::regclass::text AS name FROM lease WHERE id = '${id}'`);
  return String(row?.['name']);
}

describe('partitions by time', () => {
  it('begin with one for all rows of before and of the next days', async () => {
    const [first, ...others] = await partitions.list('lease');
    expect(others).toEqual([]);
    expect(first).toMatchObject({ name: 'lease_first', from: null });
    expect(first?.until.getTime()).toBeGreaterThanOrEqual(dayAt(7).getTime());
    expect(await insertLease(today, '1')).toBe('lease_first');
  });

  it('are made three days ahead, side by side', async () => {
    await partitions.runOnce();
    expect(await partitions.list('lease')).toHaveLength(1);
    clock.set(dayAt(6).toISOString());
    await partitions.runOnce();
    const [first, second] = await partitions.list('lease');
    expect(second?.from).toEqual(first?.until);
    expect(await insertLease(second?.from ?? today, '1')).toBe(second?.name);
    expect(await registry.metrics()).toMatch(/metavault_partitions_ahead_seconds\{table="lease"\} \d{6}/);
  });

  it('take along what went to the default partition before they were made', async () => {
    expect(await insertLease(dayAt(31), '1')).toBe('lease_default');
    expect(await insertLease(dayAt(39), '2')).toBe('lease_default');
    expect(await makePartition(open.database, 'lease', { from: dayAt(30), until: dayAt(38) })).toBe('made');
    expect(await partitionOf(`${firstIdAt('lse', dayAt(31))}0000000000000001`)).toMatch(/^lease_\d{8}$/);
    expect(await partitionOf(`${firstIdAt('lse', dayAt(39))}0000000000000002`)).toBe('lease_default');
    expect(await makePartition(open.database, 'lease', { from: dayAt(30), until: dayAt(38) })).toBe('exists');
  });

  it('are not made where too many rows would have to move', async () => {
    const from = firstIdAt('lse', dayAt(60));
    await query(`INSERT INTO lease (id, mode, client_id, connection_id, credential_id, credential_version, tenant, product, issued_at, expires_at)
      SELECT '${from}' || lpad(n::text, 16, '0'), 'token', 'cli_1', 'con_1', 'crd_1', 1, 'acme', 'pages', now(), now()
      FROM generate_series(1, 10001) n`);
    expect(await makePartition(open.database, 'lease', { from: dayAt(60), until: dayAt(61) })).toBe('crowded');
    expect(await insertLease(dayAt(60), 'z')).toBe('lease_default');
  });

  it('are made by one replica at a time, and those that wait behind others give up soon', async () => {
    const other = new pg.Client({ connectionString: open.url });
    await other.connect();
    try {
      await other.query('BEGIN; SELECT pg_advisory_xact_lock(727025)');
      expect(await makePartition(open.database, 'lease', { from: dayAt(80), until: dayAt(81) })).toBe('busy');
      await other.query('ROLLBACK; BEGIN; SELECT 1 FROM lease_default LIMIT 1');
      const refused = makePartition(open.database, 'lease', { from: dayAt(80), until: dayAt(81) });
      await expect(refused).rejects.toMatchObject({ code: '55P03' });
      expect(await insertLease(dayAt(80), '1')).toBe('lease_default');
    } finally {
      await other.end();
    }
  });

  it.each([
    ['connection', new Date(0), dayAt(1)],
    ['lease', dayAt(90), dayAt(90)],
    ['lease', dayAt(90), new Date(dayAt(91).getTime() + 1)],
    ['lease', dayAt(90), dayAt(1091)],
  ])('are made of nothing else: %s from %s until %s', async (table, from, until) => {
    await expect(makePartition(open.database, table as PartitionedTable, { from, until })).rejects.toMatchObject({
      code: '22023',
    });
  });
});

describe('a table that becomes partitioned', () => {
  let client: pg.Client;
  let runner: QueryRunner;

  beforeEach(async () => {
    client = new pg.Client({ connectionString: open.url });
    await client.connect();
    const run = async (text: string, values?: unknown[]) => (await client.query(text, values)).rows;
    runner = { query: run } as unknown as QueryRunner;
  });
  afterEach(() => client?.end());

  it('is attached without a look at its rows, with its indexes, checks, and rights', async () => {
    await client.query(`BEGIN; DROP TABLE lease;
      CREATE TABLE lease (id text COLLATE "C" PRIMARY KEY, tenant text NOT NULL CHECK (tenant <> ''), note text DEFAULT 'x');
      CREATE INDEX lease_tenant ON lease (tenant); GRANT SELECT ON lease TO pg_monitor;
      INSERT INTO lease SELECT 'lse_01kdvq00000000000000' || lpad(n::text, 6, '0'), 'acme' FROM generate_series(1, 100) n`);
    const messages: string[] = [];
    client.on('notice', ({ message = '' }) => messages.push(message));
    await addPartitionBound(runner, 'lease');
    await validateChecks(runner, 'lease');
    await client.query('SET LOCAL client_min_messages = debug1');
    await partitionByTime(runner, 'lease');
    await client.query('COMMIT');
    expect(messages.join('\n')).toContain(
      'partition constraint for table "lease_first" is implied by existing constraints',
    );
    const { rows } = await client.query(
      `SELECT tableoid::regclass::text AS name, count(*)::integer FROM lease GROUP BY 1`,
    );
    expect(rows).toEqual([{ name: 'lease_first', count: 100 }]);
    const indexes = await client.query(
      `SELECT relid::text, parentrelid::text AS parent FROM pg_partition_tree('lease_tenant')`,
    );
    expect(indexes.rows).toContainEqual({ relid: 'lease_first_tenant', parent: 'lease_tenant' });
    const rights = await client.query(
      `SELECT has_table_privilege('pg_monitor', 'lease', 'SELECT') AS whole, has_table_privilege('pg_monitor', 'lease_first', 'SELECT') AS part`,
    );
    expect(rights.rows).toEqual([{ whole: true, part: false }]);
    await expect(client.query(`INSERT INTO lease VALUES ('lse_0', '')`)).rejects.toMatchObject({ code: '23514' });
    const { rows: checks } = await client.query(`SELECT conname FROM pg_constraint WHERE conname LIKE '%bound%'`);
    expect(checks).toEqual([]);
  });
});
