import sql from 'sql-template-tag';
import type { Product } from '../../config/config.ts';
import { defineStatement, type SqlExecutor, type SqlReader } from '../../database/statement.ts';

export type Activity = 'renewal' | 'inspection';
export type ActivityOutcome = 'succeeded' | 'failed';

/** How often work ended with the same outcome. */
export interface ActivityCount {
  tenant: string;
  /** UTC, `2026-12-24` */
  day: string;
  product: Product;
  activity: Activity;
  outcome: ActivityOutcome;
  count: number;
}

/** Tenant of the sums over all tenants. */
const ALL_TENANTS = '';

/** In the same order everywhere, so that replicas do not deadlock. */
const addCounts = defineStatement<{ counts: string }>(
  'lifecycle_activity_add',
  ({ counts }) => sql`INSERT INTO lifecycle_activity AS a (tenant, day, product, activity, outcome, count)
    SELECT t.tenant, n.day, n.product, n.activity, n.outcome, sum(n.count)::bigint
    FROM json_to_recordset(${counts}::json) AS n (tenant text, day date, product text, activity text, outcome text, count bigint)
      CROSS JOIN LATERAL (VALUES (n.tenant), (${ALL_TENANTS}::text)) AS t (tenant)
    GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
    ON CONFLICT (tenant, day, product, activity, outcome) DO UPDATE SET count = a.count + excluded.count`,
);

const selectCounts = defineStatement<{ tenants: readonly string[]; fromDay: string }, Omit<ActivityCount, 'tenant'>>(
  'lifecycle_activity_list',
  ({
    tenants,
    fromDay,
  }) => sql`SELECT to_char(day, 'YYYY-MM-DD') AS day, product, activity, outcome, sum(count)::int AS count
    FROM lifecycle_activity WHERE tenant = ANY (${tenants}) AND day >= ${fromDay}::date
    GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4`,
);

const deleteOld = defineStatement<{ endedBefore: Date; limit: number }>(
  'lifecycle_activity_delete_old',
  ({ endedBefore, limit }) => sql`DELETE FROM lifecycle_activity WHERE (tenant, day, product, activity, outcome) IN (
    SELECT tenant, day, product, activity, outcome FROM lifecycle_activity
    WHERE day < (${endedBefore}::timestamptz AT TIME ZONE 'UTC')::date LIMIT ${limit})`,
);

/** Adds to the counts of each tenant, and to the sums. */
export async function addActivity(executor: SqlExecutor, counts: readonly ActivityCount[]): Promise<void> {
  await executor.run(addCounts({ counts: JSON.stringify(counts) }));
}

/** Counts of these tenants together (null: all), from this day on. */
export function listActivity(
  executor: SqlReader,
  tenants: readonly string[] | null,
  fromDay: string,
): Promise<Omit<ActivityCount, 'tenant'>[]> {
  return executor.rows(selectCounts({ tenants: tenants ?? [ALL_TENANTS], fromDay }));
}

/** Deletes up to `limit` counts of days before `endedBefore`; returns how many. */
export function deleteActivityBefore(executor: SqlExecutor, endedBefore: Date, limit: number): Promise<number> {
  return executor.run(deleteOld({ endedBefore, limit }));
}
