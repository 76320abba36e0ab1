import type { QueryRunner } from 'typeorm';

/** The time by which tables are partitioned: the column that holds it, and the prefix of its ids. */
export const PARTITION_KEYS = {
  lease: { column: 'id', prefix: 'lse' },
  audit_entry: { column: 'id', prefix: 'aud' },
  audit_link: { column: 'entry_id', prefix: 'aud' },
} as const;
export type PartitionedTable = keyof typeof PARTITION_KEYS;

/** Days for which new ids still go to the old rows' partition, while migrations validate it and replicas start. */
const DAYS_AHEAD = 8;
const LOCK_ATTEMPTS = 60;
/** SQLSTATE of a lock that did not become free in time. */
const LOCK_NOT_AVAILABLE = '55P03';

interface Index {
  name: string;
  definition: string;
}

/** A primary key or a unique constraint. */
interface Key extends Index {
  /** Whether it contains the partition key. Postgres enforces others only within each partition. */
  isOfWholeTable: boolean;
}

/**
 * Limits a table to ids before a future day, without reading its rows: `VALIDATE CONSTRAINT` does that without blocking
 * writers. Postgres then attaches the table as a partition without reading its rows.
 */
export async function addPartitionBound(runner: QueryRunner, table: PartitionedTable): Promise<void> {
  const { column, prefix } = PARTITION_KEYS[table];
  const [{ bound }] = (await runner.query(
    `SELECT '${prefix}_' || ulid_time(date_trunc('day', now(), 'UTC') + interval '${DAYS_AHEAD} days') AS bound`,
  )) as [{ bound: string }];
  await lockExclusively(runner, table);
  await runner.query(`ALTER TABLE ${table} ADD CONSTRAINT ${boundOf(table)} CHECK (${column} < '${bound}') NOT VALID`);
}

export async function dropPartitionBound(runner: QueryRunner, table: PartitionedTable): Promise<void> {
  await runner.query(`ALTER TABLE ${table} DROP CONSTRAINT IF EXISTS ${boundOf(table)}`);
}

/** Validates all checks: Postgres attaches no partition with a check that is not validated. */
export async function validateChecks(runner: QueryRunner, table: PartitionedTable): Promise<void> {
  const checks: { name: string }[] = await runner.query(
    `SELECT quote_ident(conname) AS name FROM pg_constraint WHERE conrelid = $1::regclass AND NOT convalidated`,
    [table],
  );
  for (const { name } of checks) await runner.query(`ALTER TABLE ${table} VALIDATE CONSTRAINT ${name}`);
}

/**
 * Replaces a table with a partitioned one that has the same columns, constraints, indexes, and privileges; the old
 * table becomes its first partition. Changes catalogs only. Rows beyond all partitions go to a default partition.
 */
export async function partitionByTime(runner: QueryRunner, table: PartitionedTable): Promise<void> {
  await lockExclusively(runner, table);
  const bound = await readBound(runner, table);
  const keys = await readKeys(runner, table, table);
  const indexes = await readIndexes(runner, table);
  const [first, rest] = [`${table}_first`, `${table}_default`];
  await runner.query(`ALTER TABLE ${table} RENAME TO ${first}`);
  for (const { name } of [...keys, ...indexes])
    await runner.query(`ALTER INDEX ${name} RENAME TO ${name.replace(table, first)}`);
  await runner.query(`CREATE TABLE ${table} (LIKE ${first} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)
    PARTITION BY RANGE (${PARTITION_KEYS[table].column})`);
  await dropPartitionBound(runner, table);
  const ofPartitions = keys.filter(({ isOfWholeTable }) => !isOfWholeTable);
  await createIndexes(runner, table, { keys: keys.filter(({ isOfWholeTable }) => isOfWholeTable), indexes });
  await copyRights(runner, first, table);
  await runner.query(`ALTER TABLE ${table} ATTACH PARTITION ${first} FOR VALUES FROM (MINVALUE) TO ('${bound}')`);
  await runner.query(`ALTER TABLE ${first} DROP CONSTRAINT IF EXISTS ${boundOf(table)}`);
  await runner.query(`CREATE TABLE ${rest} PARTITION OF ${table} DEFAULT`);
  const keysOfRest = ofPartitions.map((key) => ({ ...key, name: key.name.replace(table, rest) }));
  await createIndexes(runner, rest, { keys: keysOfRest, indexes: [] });
  for (const partition of [first, rest]) await revokeRights(runner, partition);
}

/** Replaces a partitioned table with a single one. Copies all rows, and blocks other users of the table. */
export async function mergePartitions(runner: QueryRunner, table: PartitionedTable): Promise<void> {
  await lockExclusively(runner, table);
  const rest = `${table}_default`;
  const ofPartitions = (await readKeys(runner, table, rest)).filter(({ isOfWholeTable }) => !isOfWholeTable);
  const keys = [
    ...(await readKeys(runner, table, table)),
    ...ofPartitions.map((key) => ({ ...key, name: key.name.replace(rest, table) })),
  ];
  const indexes = await readIndexes(runner, table);
  await runner.query(`CREATE TABLE ${table}_whole (LIKE ${table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)`);
  await runner.query(`INSERT INTO ${table}_whole SELECT * FROM ${table}`);
  await copyRights(runner, table, `${table}_whole`);
  await runner.query(`DROP TABLE ${table}`);
  await runner.query(`ALTER TABLE ${table}_whole RENAME TO ${table}`);
  await createIndexes(runner, table, { keys, indexes });
}

const boundOf = (table: PartitionedTable): string => `${table}_partition_bound`;

/** Returns the bound of a table's future partition. If the earlier migrations were partly undone, creates it again. */
async function readBound(runner: QueryRunner, table: PartitionedTable): Promise<string> {
  const read = async (): Promise<string | undefined> => {
    const rows = (await runner.query(
      `SELECT substring(pg_get_constraintdef(oid) FROM '''(\\w+)''') AS bound FROM pg_constraint
        WHERE conrelid = $1::regclass AND conname = $2`,
      [table, boundOf(table)],
    )) as { bound: string }[];
    return rows[0]?.bound;
  };
  const bound = await read();
  if (bound !== undefined) return bound;
  await addPartitionBound(runner, table);
  await validateChecks(runner, table);
  return (await read()) as string;
}

/** Returns the keys of a table that is or will be partitioned, as on `relation`: the table itself or a partition. */
async function readKeys(runner: QueryRunner, table: PartitionedTable, relation: string): Promise<Key[]> {
  return await runner.query(
    `SELECT c.conname AS name, pg_get_constraintdef(c.oid) AS definition, a.attnum = ANY (c.conkey) AS "isOfWholeTable"
      FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attname = $2
      WHERE c.conrelid = $1::regclass AND c.contype IN ('p', 'u') ORDER BY c.contype, c.conname`,
    [relation, PARTITION_KEYS[table].column],
  );
}

/** Returns the indexes that are not keys. */
async function readIndexes(runner: QueryRunner, table: string): Promise<Index[]> {
  const rows: Index[] = await runner.query(
    `SELECT indexname AS name, indexdef AS definition FROM pg_indexes WHERE schemaname = current_schema() AND tablename = $1
      AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conrelid = $1::regclass AND c.conname = indexname)`,
    [table],
  );
  return rows.map(({ name, definition }) => ({ name, definition: definition.replace(' ON ONLY ', ' ON ') }));
}

async function createIndexes(
  runner: QueryRunner,
  table: string,
  { keys, indexes }: { keys: readonly Key[]; indexes: readonly Index[] },
): Promise<void> {
  for (const { name, definition } of keys)
    await runner.query(`ALTER TABLE ${table} ADD CONSTRAINT ${name} ${definition}`);
  for (const { definition } of indexes) await runner.query(definition);
}

/** A new table has its creator's default privileges, which may exceed those of the table that it replaces. */
async function copyRights(runner: QueryRunner, from: string, to: string): Promise<void> {
  const [{ owner, is_own: isOwn }] = (await runner.query(
    `SELECT quote_ident(pg_get_userbyid(relowner)) AS owner, pg_get_userbyid(relowner) = current_user AS is_own
      FROM pg_class WHERE oid = $1::regclass`,
    [from],
  )) as [{ owner: string; is_own: boolean }];
  if (!isOwn) await runner.query(`ALTER TABLE ${to} OWNER TO ${owner}`);
  await revokeRights(runner, to);
  for (const { grantee, right } of await readRights(runner, from)) {
    await runner.query(`GRANT ${right} ON ${to} TO ${grantee}`);
  }
}

/** Statements need privileges only on the partitioned table; privileges on a partition would bypass that. */
async function revokeRights(runner: QueryRunner, table: string): Promise<void> {
  const grantees = new Set((await readRights(runner, table)).map(({ grantee }) => grantee));
  for (const grantee of grantees) await runner.query(`REVOKE ALL ON ${table} FROM ${grantee}`);
}

/** Privileges of roles other than the owner. */
async function readRights(runner: QueryRunner, table: string): Promise<{ grantee: string; right: string }[]> {
  return await runner.query(
    `SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS grantee,
        a.privilege_type AS right
      FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a WHERE c.oid = $1::regclass AND a.grantee <> c.relowner`,
    [table],
  );
}

/** Waits in short turns, because everything else that needs the table queues up behind a waiting lock. */
export async function lockExclusively(runner: QueryRunner, table: string): Promise<void> {
  await runner.query(`SET LOCAL lock_timeout = '1s'`);
  for (let attempt = 1; ; attempt++) {
    await runner.query('SAVEPOINT lock_attempt');
    try {
      await runner.query(`LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
      break;
    } catch (error) {
      const { code } = (error as { driverError?: { code?: unknown } }).driverError ?? {};
      if (code !== LOCK_NOT_AVAILABLE || attempt === LOCK_ATTEMPTS) throw error;
      await runner.query('ROLLBACK TO SAVEPOINT lock_attempt');
      await runner.query('SELECT pg_sleep(1)');
    }
  }
  await runner.query('SET LOCAL lock_timeout = 0');
}
