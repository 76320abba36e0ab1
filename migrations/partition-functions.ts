import type { QueryRunner } from 'typeorm';
import { PARTITION_KEYS, type PartitionedTable } from './time-partitions.ts';

/** Advisory lock for creating and dropping partitions: one replica at a time. */
const PARTITION_LOCK = 727_025;
/** If the default partition holds more rows of a range than this, they are not moved: writers would have to wait. */
const MAX_MOVED = 10_000;
/** Each statement locks all partitions: a hostile replica must not create so many that none can run. */
const MAX_PARTITIONS = 500;

/**
 * Creates or replaces the functions that create and drop partitions of these tables; privileges on them stay.
 *
 * make_partition returns 'made', 'exists', 'busy' (another replica is creating it), or 'crowded' (the default partition
 * already holds too many rows). drop_partition returns whether there was a partition ending there; except for leases,
 * it drops only empty ones, because pruning archives their rows first. Bounds are whole days in UTC.
 */
export async function definePartitionFunctions(
  runner: QueryRunner,
  tables: readonly PartitionedTable[],
): Promise<void> {
  const [{ schema }] = (await runner.query('SELECT quote_ident(current_schema()) AS schema')) as [{ schema: string }];
  for (const statement of functions(schema, tables)) await runner.query(statement);
}

export async function dropPartitionFunctions(runner: QueryRunner): Promise<void> {
  for (const name of ['drop_lease_partition', 'drop_partition', 'make_partition'])
    await runner.query(`DROP FUNCTION ${name}`);
}

const functions = (schema: string, tables: readonly PartitionedTable[]): string[] => [
  `CREATE OR REPLACE FUNCTION make_partition(parent text, lower_bound timestamptz, upper_bound timestamptz) RETURNS text
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = ${schema}, pg_temp SET lock_timeout = '500ms' AS $$
  DECLARE
    prefix CONSTANT text := CASE parent ${tables.map((table) => `WHEN '${table}' THEN '${PARTITION_KEYS[table].prefix}_'`).join(' ')} END;
    key CONSTANT text := CASE parent ${tables.map((table) => `WHEN '${table}' THEN '${PARTITION_KEYS[table].column}'`).join(' ')} END;
    first_id CONSTANT text := prefix || ulid_time(lower_bound);
    next_id CONSTANT text := prefix || ulid_time(upper_bound);
    added CONSTANT text := parent || to_char(lower_bound AT TIME ZONE 'UTC', '_YYYYMMDD');
    moved integer;
    grantee text;
    definition text;
  BEGIN
    IF prefix IS NULL OR lower_bound >= upper_bound OR upper_bound > lower_bound + interval '1000 days' OR lower_bound <> date_trunc('day', lower_bound, 'UTC')
      OR upper_bound <> date_trunc('day', upper_bound, 'UTC') THEN
      RAISE EXCEPTION 'no partition of % from % to %', parent, lower_bound, upper_bound USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF NOT pg_try_advisory_xact_lock(${PARTITION_LOCK}) THEN RETURN 'busy'; END IF;
    IF to_regclass(quote_ident(added)) IS NOT NULL THEN RETURN 'exists'; END IF;
    IF (SELECT count(*) FROM pg_inherits WHERE inhparent = to_regclass(quote_ident(parent))) >= ${MAX_PARTITIONS} THEN
      RAISE EXCEPTION '% has too many partitions', parent USING ERRCODE = 'program_limit_exceeded';
    END IF;
    -- Like everybody else, the parent before its partitions: no deadlock with a change of the table.
    EXECUTE format('LOCK TABLE ONLY %I IN SHARE UPDATE EXCLUSIVE MODE', parent);
    EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', parent || '_default');
    EXECUTE format('SELECT count(*) FROM (SELECT FROM %I WHERE %I >= %L AND %I < %L LIMIT ${MAX_MOVED + 1}) t',
      parent || '_default', key, first_id, key, next_id) INTO moved;
    IF moved > ${MAX_MOVED} THEN RETURN 'crowded'; END IF;
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', added, parent);
    -- Keys that hold within each partition only: the table has none of them to be copied.
    FOR definition IN
      SELECT pg_get_constraintdef(oid) FROM pg_constraint
      WHERE conrelid = to_regclass(quote_ident(parent || '_default')) AND contype IN ('p', 'u') AND conparentid = 0
    LOOP
      EXECUTE format('ALTER TABLE %I ADD %s', added, definition);
    END LOOP;
    FOR grantee IN
      SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END
      FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a
      WHERE c.oid = to_regclass(quote_ident(added)) AND a.grantee <> c.relowner
    LOOP
      EXECUTE format('REVOKE ALL ON %I FROM %s', added, grantee);
    END LOOP;
    EXECUTE format('WITH moved AS (DELETE FROM %I WHERE %I >= %L AND %I < %L RETURNING *) INSERT INTO %I SELECT * FROM moved',
      parent || '_default', key, first_id, key, next_id, added);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, added, first_id, next_id);
    RETURN 'made';
  END $$`,
  `CREATE OR REPLACE FUNCTION drop_partition(parent text, id_prefix text, upper_bound timestamptz) RETURNS boolean
  LANGUAGE plpgsql SET search_path = ${schema}, pg_temp SET lock_timeout = '500ms' AS $$
  DECLARE
    expired text;
    is_filled boolean;
  BEGIN
    IF NOT pg_try_advisory_xact_lock(${PARTITION_LOCK}) THEN RETURN false; END IF;
    SELECT c.relname INTO expired FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
      WHERE i.inhparent = to_regclass(quote_ident(parent))
        AND pg_get_expr(c.relpartbound, c.oid) LIKE '%TO (''' || id_prefix || '\\_' || ulid_time(upper_bound) || ''')';
    IF expired IS NULL THEN RETURN false; END IF;
    EXECUTE format('LOCK TABLE ONLY %I IN ACCESS EXCLUSIVE MODE', parent);
    IF parent <> 'lease' THEN
      EXECUTE format('SELECT EXISTS (SELECT FROM %I)', expired) INTO is_filled;
      IF is_filled THEN RETURN false; END IF;
    END IF;
    EXECUTE format('DROP TABLE %I', expired);
    RETURN true;
  END $$`,
  `CREATE OR REPLACE FUNCTION drop_lease_partition(upper_bound timestamptz) RETURNS boolean
  LANGUAGE sql SECURITY DEFINER SET search_path = ${schema}, pg_temp AS $$ SELECT drop_partition('lease', 'lse', upper_bound) $$`,
];
