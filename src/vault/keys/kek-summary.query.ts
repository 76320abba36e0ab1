import sql from 'sql-template-tag';
import { defineStatement, type SqlReader } from '../../database/statement.ts';
import type { KekId } from '../ids.ts';

/** Summary of the key ring, without counting what its keys wrap. */
export interface KekSummary {
  active_id: KekId | null;
  active_since: Date | null;
  /** Keys other than the active one that still wrap data keys. */
  older_in_use: number;
  /** When the oldest key in use was created. */
  oldest_in_use_since: Date | null;
}

const selectSummary = defineStatement<Record<never, never>, KekSummary>(
  'kek_summary',
  () => sql`SELECT max(id) FILTER (WHERE state = 'active') AS active_id, max(created_at) FILTER (WHERE state = 'active') AS active_since,
      (count(*) FILTER (WHERE state <> 'active'))::int AS older_in_use, min(created_at) AS oldest_in_use_since
    FROM encryption_key k WHERE purpose = 'data' AND state <> 'retired'
      AND (state = 'active' OR EXISTS (SELECT 1 FROM sealed_secret s WHERE s.kek_id = k.id))`,
);

/** Reads only a few index entries, however many secrets there are. */
export async function summarizeKeks(executor: SqlReader): Promise<KekSummary> {
  const [row] = await executor.rows(selectSummary({}));
  return row ?? { active_id: null, active_since: null, older_in_use: 0, oldest_in_use_since: null };
}
