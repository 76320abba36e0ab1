import sql from 'sql-template-tag';
import { timeOfId } from '../../platform/ids.ts';
import { defineStatement, type SqlExecutor } from '../statement.ts';
import type { Partition, PartitionRange } from './partition-plan.ts';

/** Tables that are partitioned by the time in their ids, or in the ids of the rows they belong to. */
export type PartitionedTable = 'lease' | 'audit_entry' | 'audit_link';

/** `crowded`: the default partition holds too many rows of the range to move them while writers wait. */
export type MakeOutcome = 'made' | 'exists' | 'busy' | 'crowded';

const listStatement = defineStatement<
  { table: PartitionedTable },
  { name: string; from_id: string | null; before_id: string }
>(
  'partition_list',
  ({ table }) => sql`SELECT * FROM (
      SELECT c.relname AS name, substring(b.bound FROM 'FROM \\(''(\\w+)''\\)') AS from_id,
        substring(b.bound FROM 'TO \\(''(\\w+)''\\)') AS before_id
      FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
      CROSS JOIN LATERAL (SELECT pg_get_expr(c.relpartbound, c.oid) AS bound) b
      WHERE i.inhparent = ${table}::regclass AND b.bound <> 'DEFAULT'
    ) p ORDER BY p.before_id COLLATE "C"`,
);

const makeStatement = defineStatement<PartitionRange & { table: PartitionedTable }, { outcome: string }>(
  'partition_make',
  ({ table, from, until }) => sql`SELECT make_partition(${table}, ${from}, ${until}) AS outcome`,
);

/** All partitions except the default one, oldest first. */
export async function listPartitions(executor: SqlExecutor, table: PartitionedTable): Promise<Partition[]> {
  const rows = await executor.rows(listStatement({ table }));
  return rows.map(({ name, from_id: fromId, before_id: beforeId }) => ({
    name,
    from: fromId === null ? null : timeOfId(fromId),
    until: timeOfId(beforeId),
  }));
}

/** Creates the partition of a range of whole days, and moves its rows there from the default partition. */
export async function makePartition(
  executor: SqlExecutor,
  table: PartitionedTable,
  { from, until }: PartitionRange,
): Promise<MakeOutcome> {
  const [row] = await executor.rows(makeStatement({ table, from, until }));
  return row?.outcome as MakeOutcome;
}
