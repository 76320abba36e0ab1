import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../database/statement.ts';
import { firstAuditIdAt } from './chain/entry-id-time.ts';

/** Entries of one kind about rows that were set back. */
export interface IntegrityFinds {
  action: string;
  count: number;
  /** The objects of the newest ones. */
  subject_ids: string[];
}

const selectFinds = defineStatement<{ fromId: string; shown: number }, IntegrityFinds>(
  'audit_integrity_finds',
  ({
    fromId,
    shown,
  }) => sql`SELECT action, count(*)::integer AS count, (array_agg(subject_id ORDER BY id DESC))[1:${shown}::integer] AS subject_ids
    FROM audit_entry WHERE action IN ('connection.rollback_detected', 'credential.rollback_detected', 'key.revival_refused')
      AND id >= ${fromId} GROUP BY action ORDER BY action`,
);

/** Rows that were found to be set back since an instant, with the first `shown` ids of each kind. */
export function countIntegrityFinds(executor: SqlExecutor, since: Date, shown: number): Promise<IntegrityFinds[]> {
  return executor.rows(selectFinds({ fromId: firstAuditIdAt(since.getTime()), shown }));
}
