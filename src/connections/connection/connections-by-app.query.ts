import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { CredentialKind } from '../credentials/credential-kind.ts';
import type { ConnectionId } from '../ids.ts';

/** Active connections of one app, by kind of their root token. */
export interface AppConnections {
  appId: string;
  kind: CredentialKind;
  count: number;
  /** The first few. */
  connectionIds: ConnectionId[];
}

const selectByApp = defineStatement<
  { maxIds: number },
  { app_id: string; kind: CredentialKind; count: number; ids: ConnectionId[] }
>(
  'connections_by_app',
  ({
    maxIds,
  }) => sql`SELECT c.app_id, c.kind, count(*)::int AS count, (array_agg(n.id ORDER BY n.id))[1:${maxIds}] AS ids
    FROM credential c JOIN connection n ON n.id = c.connection_id
    WHERE c.is_root AND n.status = 'active' GROUP BY c.app_id, c.kind ORDER BY c.app_id, c.kind`,
);

/** Across tenants, with up to `maxIds` ids each. Reads every active connection: only for startup and `doctor`. */
export async function listConnectionsByApp(executor: SqlExecutor, maxIds: number): Promise<AppConnections[]> {
  const rows = await executor.rows(selectByApp({ maxIds }));
  return rows.map(({ app_id: appId, kind, count, ids }) => ({ appId, kind, count, connectionIds: ids }));
}
