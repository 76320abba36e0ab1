import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../database/statement.ts';

const insert = defineStatement<{ appId: string; code: string; at: Date }>(
  'app_failure_insert',
  ({ appId, code, at }) => sql`INSERT INTO app_failure (app_id, code, failing_since) VALUES (${appId}, ${code}, ${at})
    ON CONFLICT (app_id) DO NOTHING`,
);

const deleteOf = defineStatement<{ appIds: readonly string[] }>(
  'app_failure_delete',
  ({ appIds }) => sql`DELETE FROM app_failure WHERE app_id = ANY (${appIds}::text[])`,
);

const selectAll = defineStatement<Record<never, never>, { app_id: string }>(
  'app_failure_list',
  () => sql`SELECT app_id FROM app_failure`,
);

/** False: it was failing already. */
export async function insertAppFailure(tx: SqlExecutor, appId: string, code: string, at: Date): Promise<boolean> {
  return (await tx.run(insert({ appId, code, at }))) === 1;
}

export async function deleteAppFailures(tx: SqlExecutor, appIds: readonly string[]): Promise<void> {
  await tx.run(deleteOf({ appIds }));
}

export async function listFailingApps(executor: SqlExecutor): Promise<string[]> {
  return (await executor.rows(selectAll({}))).map(({ app_id: id }) => id);
}
