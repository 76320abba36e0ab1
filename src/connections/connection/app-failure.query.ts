import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { CredentialFailure } from '../status/status-reason.ts';

type AppFailureCode = 'app_rejected' | 'app_blocked' | 'app_throttled';

const selectFailures = defineStatement<{ appIds: readonly string[] }, { app_id: string; code: AppFailureCode }>(
  'app_failures_of_connections',
  ({ appIds }) => sql`SELECT app_id, code FROM app_failure WHERE app_id = ANY (${appIds}::text[])`,
);

const FAILURES: Readonly<Record<AppFailureCode, Pick<CredentialFailure, 'code' | 'detail'>>> = {
  app_rejected: {
    code: 'meta_configuration',
    detail: 'Meta rejects the app or its secret, so this token is neither refreshed nor inspected. It stays valid.',
  },
  app_blocked: {
    code: 'meta_configuration',
    detail: 'Meta has blocked the app, so this token is neither refreshed nor inspected.',
  },
  app_throttled: { code: 'meta_throttled', detail: 'Our app is at a rate limit at Meta, so this token waits.' },
};

/** What holds up the credentials of these apps that have not failed themselves, by app id. */
export async function findAppFailures(
  executor: SqlExecutor,
  appIds: readonly string[],
): Promise<ReadonlyMap<string, CredentialFailure>> {
  if (appIds.length === 0) return new Map();
  const rows = await executor.rows(selectFailures({ appIds: [...new Set(appIds)] }));
  return new Map(rows.map(({ app_id: id, code }) => [id, { ...FAILURES[code], attempts: 0, next_attempt_at: null }]));
}
