import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../database/statement.ts';

/** Leases with ids from `from` (inclusive) to `before` (exclusive). */
interface ExpiredSelection {
  from: string;
  before: string;
  expiredBefore: Date;
  limit: number;
}

/**
 * The bounds appear in both places, so that Postgres skips other partitions in both. Materialized, because Postgres may
 * run a subquery again for each row, and would then find other rows.
 */
const deleteExpired = defineStatement<ExpiredSelection>(
  'lease_delete_expired',
  ({ from, before, expiredBefore, limit }) => sql`WITH expired AS MATERIALIZED (
      SELECT id FROM lease WHERE id >= ${from} AND id < ${before} AND expires_at < ${expiredBefore}
      ORDER BY id LIMIT ${limit} FOR UPDATE SKIP LOCKED)
    DELETE FROM lease WHERE id >= ${from} AND id < ${before} AND id IN (SELECT id FROM expired)`,
);

const dropPartition = defineStatement<{ until: Date }, { dropped: boolean }>(
  'lease_drop_partition',
  ({ until }) => sql`SELECT drop_lease_partition(${until}) AS dropped`,
);

/** Deletes up to `limit` expired leases of a range of ids, and returns how many. Their audit entries stay. */
export function deleteExpiredLeases(executor: SqlExecutor, selection: ExpiredSelection): Promise<number> {
  return executor.run(deleteExpired(selection));
}

/** Drops the partition that ends at `until`. False if there is none, or another replica is dropping it. */
export async function dropLeasePartition(executor: SqlExecutor, until: Date): Promise<boolean> {
  const [row] = await executor.rows(dropPartition({ until }));
  return row?.dropped === true;
}
