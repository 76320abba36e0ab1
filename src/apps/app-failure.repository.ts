import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../database/statement.ts';

/** `app_throttled`: Meta limits the app's calls for now. With the other codes, it refuses the app itself. */
export type AppFailureCode = 'app_rejected' | 'app_blocked' | 'app_throttled';

/** A refusal is worse than a limit, and replaces it. */
const upsert = defineStatement<{ appId: string; code: AppFailureCode; at: Date }>(
  'app_failure_upsert',
  ({
    appId,
    code,
    at,
  }) => sql`INSERT INTO app_failure AS f (app_id, code, failing_since) VALUES (${appId}, ${code}, ${at})
    ON CONFLICT (app_id) DO UPDATE SET code = EXCLUDED.code, failing_since = EXCLUDED.failing_since
    WHERE f.code = 'app_throttled' AND EXCLUDED.code <> 'app_throttled'`,
);

const deleteOf = defineStatement<{ appIds: readonly string[]; code: AppFailureCode | null }>(
  'app_failure_delete',
  ({ appIds, code }) => sql`DELETE FROM app_failure
    WHERE app_id = ANY (${appIds}::text[]) AND (${code}::text IS NULL OR code = ${code})`,
);

const selectAll = defineStatement<Record<never, never>, { app_id: string; code: AppFailureCode }>(
  'app_failure_list',
  () => sql`SELECT app_id, code FROM app_failure`,
);

/** Returns false if the app was already failing, for this or a worse reason. */
export async function insertAppFailure(
  tx: SqlExecutor,
  appId: string,
  code: AppFailureCode,
  at: Date,
): Promise<boolean> {
  return (await tx.run(upsert({ appId, code, at }))) === 1;
}

/** Ends the failures of these apps that have this `code`; null means all. */
export async function deleteAppFailures(
  tx: SqlExecutor,
  appIds: readonly string[],
  code: AppFailureCode | null,
): Promise<void> {
  await tx.run(deleteOf({ appIds, code }));
}

export async function listFailingApps(executor: SqlExecutor): Promise<Map<string, AppFailureCode>> {
  return new Map((await executor.rows(selectAll({}))).map(({ app_id: id, code }) => [id, code]));
}
