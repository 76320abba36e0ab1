import type { AuditEntryRow } from './audit-entry.query.ts';
import type { ChainVerification } from './chain/chain-verifier.ts';
import type { AuditEntryId } from './ids.ts';

export interface AuditEntryResponse extends Omit<AuditEntryRow, 'at' | 'actor_kind' | 'actor_id'> {
  at: string;
  actor: { kind: AuditEntryRow['actor_kind']; id: string | null };
}

export interface ChainVerificationResponse {
  valid: boolean;
  entries: number;
  head: string | null;
  /** How many of the entries were pruned. Absent: none. */
  pruned_entries?: number;
  broken_at?: { reason: string; position: number | null; entry_id: AuditEntryId | null };
}

export function toAuditEntryResponse({ actor_kind, actor_id, at, ...row }: AuditEntryRow): AuditEntryResponse {
  return { ...row, at: at.toISOString(), actor: { kind: actor_kind, id: actor_id } };
}

export function toChainVerificationResponse({
  valid,
  entries,
  prunedEntries,
  head,
  firstFault,
}: ChainVerification): ChainVerificationResponse {
  const shown = { valid, entries, head, ...(prunedEntries === 0 ? {} : { pruned_entries: prunedEntries }) };
  if (firstFault === null) return shown;
  return {
    ...shown,
    broken_at: { reason: firstFault.reason, position: firstFault.position, entry_id: firstFault.entryId },
  };
}
