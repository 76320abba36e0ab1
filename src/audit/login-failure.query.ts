import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../database/statement.ts';
import { firstAuditIdAt } from './chain/entry-id-time.ts';

/** Failed logins grouped by their codes. */
export interface LoginFailures {
  actor_kind: string;
  code: string;
  /** Code of Meta's error, like `subcode`; null if Meta reported none. */
  meta_code: string | null;
  subcode: string | null;
  count: number;
}

const selectStatement = defineStatement<{ fromId: string }, LoginFailures>(
  'audit_login_failures',
  ({ fromId }) => sql`SELECT actor_kind, details->>'code' AS code, details->'meta'->>'code' AS meta_code,
      details->'meta'->>'subcode' AS subcode, count(*)::int AS count
    FROM audit_entry WHERE action = 'connect.failed' AND id >= ${fromId} GROUP BY 1, 2, 3, 4 ORDER BY count DESC, 2, 3, 4`,
);

/** Counts failed logins since an instant, most frequent first. */
export function countLoginFailures(executor: SqlExecutor, since: Date): Promise<LoginFailures[]> {
  return executor.rows(selectStatement({ fromId: firstAuditIdAt(since.getTime()) }));
}
