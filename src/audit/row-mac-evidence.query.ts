import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../database/statement.ts';
import type { AuditAction } from './audit-action.ts';
import { ENTRY_DIGEST, type EntryProof } from './audit-entry.repository.ts';
import type { ChainMac } from './chain/chain-mac.ts';
import { isForged } from './chain/entry-mac.ts';

/** Member of `details` that lists the tables whose rows need MACs. */
export const PROTECTED_TABLES_DETAIL = 'protected_tables';

/** Includes `audit.pruned`, which repeats what pruned entries said. */
const ACTIONS: readonly AuditAction[] = ['integrity.macs_required', 'integrity.rows_adopted', 'audit.pruned'];

const selectEvidence = defineStatement<
  { actions: readonly AuditAction[]; detail: string },
  EntryProof & { tables: string[] }
>(
  'row_mac_evidence',
  ({
    actions,
    detail,
  }) => sql`SELECT e.id, ${ENTRY_DIGEST} AS digest, e.mac, e.details -> ${detail} AS tables FROM audit_entry e
    WHERE e.action = ANY (${actions}::text[]) AND json_typeof(e.details -> ${detail}) = 'array'`,
);

/** Returns the tables that the record says need MACs. Complete if the record verifies. */
export async function findProtectedTablesInRecord(executor: SqlExecutor, mac: ChainMac): Promise<Set<string>> {
  const entries = await executor.rows(selectEvidence({ actions: ACTIONS, detail: PROTECTED_TABLES_DETAIL }));
  return new Set(entries.filter((entry) => !isForged(mac, entry, '')).flatMap(({ tables }) => tables));
}
