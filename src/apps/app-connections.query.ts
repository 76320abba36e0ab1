import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../database/statement.ts';

const countConnections = defineStatement<{ ids: readonly string[] }, { app_id: string; count: number }>(
  'meta_app_connections',
  ({ ids }) => sql`SELECT app_id, count(*)::int AS count FROM connection
    WHERE app_id = ANY (${ids}::text[]) AND status <> 'revoked' GROUP BY app_id`,
);

/** Connections that are not revoked, by the app id that their tokens belong to. */
export async function countConnectionsOfApps(
  executor: SqlExecutor,
  ids: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const rows = await executor.rows(countConnections({ ids }));
  return new Map(rows.map(({ app_id: id, count }) => [id, count]));
}
