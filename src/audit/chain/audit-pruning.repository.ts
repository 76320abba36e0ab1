import sql, { raw } from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { AuditEntryRow } from '../audit-entry.query.ts';
import type { AuditEntryId } from '../ids.ts';

export const PRUNING_BATCH = 5_000;

/** An entry as exported, with what a later verification needs. */
export interface PrunedEntry extends AuditEntryRow {
  position: number;
  mac: Buffer | null;
  link: Buffer;
}

const firstPositionStatement = defineStatement<{ entryId: AuditEntryId }, { position: string | null }>(
  'audit_first_position',
  ({ entryId }) => sql`SELECT min(position) AS position FROM audit_link WHERE entry_id >= ${entryId}`,
);

const linkedEntriesStatement = defineStatement<
  { after: number; upTo: number },
  Omit<PrunedEntry, 'position'> & { position: string }
>(
  'audit_linked_entries',
  ({
    after,
    upTo,
  }) => sql`SELECT e.id, e.at, e.action, e.actor_kind, e.actor_id, e.tenant, e.product, e.connection_id, e.subject_id,
      e.request_id, e.details, l.position, e.mac, l.mac AS link
    FROM audit_link l JOIN audit_entry e ON e.id = l.entry_id WHERE l.position > ${after} AND l.position <= ${upTo}
    ORDER BY l.position LIMIT ${raw(String(PRUNING_BATCH))}`,
);

const deleteLinksStatement = defineStatement<{ upTo: number }>(
  'audit_link_delete',
  ({ upTo }) => sql`DELETE FROM audit_link WHERE position <= ${upTo}`,
);

const deleteEntriesStatement = defineStatement<{ ids: readonly AuditEntryId[] }>(
  'audit_entry_delete',
  ({ ids }) => sql`DELETE FROM audit_entry WHERE id = ANY (${ids})`,
);

const dropPartitionStatement = defineStatement<{ table: 'audit_entry' | 'audit_link'; until: Date }>(
  'audit_drop_partition',
  ({ table, until }) => sql`SELECT drop_partition(${table}, 'aud', ${until})`,
);

/** Returns the position of the first link to an entry with this id or a greater one. */
export async function findFirstPosition(executor: SqlExecutor, entryId: AuditEntryId): Promise<number | null> {
  const [row] = await executor.rows(firstPositionStatement({ entryId }));
  const position = row?.position ?? null;
  return position === null ? null : Number(position);
}

/** Returns up to `PRUNING_BATCH` entries in chain order. */
export async function readLinkedEntries(executor: SqlExecutor, after: number, upTo: number): Promise<PrunedEntry[]> {
  const rows = await executor.rows(linkedEntriesStatement({ after, upTo }));
  return rows.map((row) => ({ ...row, position: Number(row.position) }));
}

/** Deletes entries, and every link up to a position. */
export async function deleteLinkedEntries(tx: SqlExecutor, ids: readonly AuditEntryId[], upTo: number): Promise<void> {
  await tx.run(deleteLinksStatement({ upTo }));
  await tx.run(deleteEntriesStatement({ ids }));
}

/**
 * Drops the partition that ends at `until`, unless it still has rows or another session is using it. Only the tables'
 * owner can do this.
 */
export async function dropEmptyPartition(
  executor: SqlExecutor,
  table: 'audit_entry' | 'audit_link',
  until: Date,
): Promise<void> {
  await executor.rows(dropPartitionStatement({ table, until }));
}
