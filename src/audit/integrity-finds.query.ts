import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../database/statement.ts';
import { firstAuditIdAt } from './chain/entry-id-time.ts';

/** Entries with one action about rows that were rolled back. */
export interface IntegrityFinds {
  action: string;
  count: number;
  /** Objects of the newest entries. */
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

/** Counts detected rollbacks since an instant, with up to `shown` ids for each action. */
export function countIntegrityFinds(executor: SqlExecutor, since: Date, shown: number): Promise<IntegrityFinds[]> {
  return executor.rows(selectFinds({ fromId: firstAuditIdAt(since.getTime()), shown }));
}
