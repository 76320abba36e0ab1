import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../database/statement.ts';

const countPending = defineStatement<{ id: string }, { count: number }>(
  'meta_app_pending_authorizations',
  ({ id }) => sql`SELECT count(*)::int AS count FROM pending_authorization WHERE hints->>'appId' = ${id}`,
);

/** Counts tokens that Meta issued under this app and that are not in a connection yet. */
export async function countPendingOfApp(executor: SqlExecutor, id: string): Promise<number> {
  return (await executor.rows(countPending({ id })))[0]?.count ?? 0;
}
