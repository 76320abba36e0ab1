import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../database/statement.ts';
import { ENTRY_DIGEST, type EntryProof } from './audit-entry.repository.ts';
import type { ChainMac } from './chain/chain-mac.ts';
import { isForged } from './chain/entry-mac.ts';

const selectRetirements = defineStatement<{ ids: readonly string[] }, EntryProof & { subject_id: string }>(
  'audit_key_retirements',
  ({ ids }) => sql`SELECT e.subject_id, e.id, ${ENTRY_DIGEST} AS digest, e.mac FROM audit_entry e
    WHERE e.action = 'key.retired' AND e.subject_id = ANY (${ids}::text[])`,
);

/**
 * Returns the keys that the record says were retired. Ignores forged entries, so disabling a key requires the chain's
 * key.
 */
export async function findKeyTombstones(
  executor: SqlExecutor,
  mac: ChainMac,
  ids: readonly string[],
): Promise<Set<string>> {
  const entries = await executor.rows(selectRetirements({ ids }));
  return new Set(entries.filter((entry) => !isForged(mac, entry, '')).map((entry) => entry.subject_id));
}
