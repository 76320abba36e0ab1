import sql from 'sql-template-tag';
import { defineStatement, type SqlReader } from '../../database/statement.ts';
import type { CredentialFailure } from '../status/status-reason.ts';

type AppFailureCode = 'app_rejected' | 'app_blocked' | 'app_throttled';

interface AppFailureRow {
  app_id: string;
  code: AppFailureCode;
  failing_since: Date;
}

/** What holds up the credentials of an app that have not failed themselves, and since when. */
export interface AppFailure {
  failure: CredentialFailure;
  since: Date;
}

const selectFailures = defineStatement<{ appIds: readonly string[] }, AppFailureRow>(
  'app_failures_of_connections',
  ({ appIds }) => sql`SELECT app_id, code, failing_since FROM app_failure WHERE app_id = ANY (${appIds}::text[])`,
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

/** By app id. */
export async function findAppFailures(
  executor: SqlReader,
  appIds: readonly string[],
): Promise<ReadonlyMap<string, AppFailure>> {
  if (appIds.length === 0) return new Map();
  const rows = await executor.rows(selectFailures({ appIds: [...new Set(appIds)] }));
  return new Map(
    rows.map(({ app_id: id, code, failing_since: since }) => [
      id,
      { failure: { ...FAILURES[code], attempts: 0, next_attempt_at: null }, since },
    ]),
  );
}
