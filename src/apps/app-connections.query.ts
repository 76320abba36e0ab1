import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../database/statement.ts';

const countConnections = defineStatement<
  { ids: readonly string[]; tenants: readonly string[] | null },
  { app_id: string; count: number }
>(
  'meta_app_connections',
  ({ ids, tenants }) => sql`SELECT app_id, count(*)::int AS count FROM connection
    WHERE app_id = ANY (${ids}::text[]) AND status <> 'revoked'
      AND (${tenants}::text[] IS NULL OR tenant = ANY (${tenants}::text[])) GROUP BY app_id`,
);

const countOfOthers = defineStatement<{ ids: readonly string[]; tenants: readonly string[] }, { count: number }>(
  'meta_app_connections_of_others',
  ({ ids, tenants }) => sql`SELECT count(*)::int AS count FROM connection
    WHERE app_id = ANY (${ids}::text[]) AND status <> 'revoked' AND tenant <> ALL (${tenants}::text[])`,
);

/** Connections of `tenants` (null: all) that are not revoked, by the app id that their tokens belong to. */
export async function countConnectionsOfApps(
  executor: SqlExecutor,
  ids: readonly string[],
  tenants: readonly string[] | null,
): Promise<ReadonlyMap<string, number>> {
  const rows = await executor.rows(countConnections({ ids, tenants }));
  return new Map(rows.map(({ app_id: id, count }) => [id, count]));
}

/** Whether tenants other than `tenants` have connections under these app ids that are not revoked. */
export async function hasConnectionsOfOthers(
  executor: SqlExecutor,
  ids: readonly string[],
  tenants: readonly string[],
): Promise<boolean> {
  const [row] = await executor.rows(countOfOthers({ ids, tenants }));
  return (row?.count ?? 0) > 0;
}
