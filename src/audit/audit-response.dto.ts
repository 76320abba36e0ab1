import type { AuditEntryRow } from './audit-entry.query.ts';
import { type AnchorVerdict, type ChainAnchor, formatAnchor } from './chain/chain-anchor.ts';
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
  /** How many of the entries were pruned. Absent if none. */
  pruned_entries?: number;
  /** How many entries are not linked yet. Absent if none. */
  unlinked_entries?: number;
  /** In chain order, at most 100. */
  faults: ChainFaultResponse[];
  /** The first fault. */
  broken_at?: { reason: string; position: number | null; entry_id: AuditEntryId | null };
  /** With `?anchor=`: whether the record still contains what was anchored, or why not. */
  anchor?: AnchorVerdict;
}

interface ChainFaultResponse {
  kind: string;
  /** Positions of the first and last link, from 1; null if the fault has none. */
  from: number | null;
  to: number | null;
  entry_id: AuditEntryId | null;
  /** For `record_missing`: the objects that no entry names. */
  objects?: { kind: string; count: number; first: string };
}

/** Response of `GET /v1/audit/anchor`. */
export interface AnchorResponse extends ChainAnchor {
  /** The other fields in one string, for `GET /v1/audit/verify?anchor=`. */
  anchor: string;
  taken_at: string;
}

export function toAnchorResponse(anchor: ChainAnchor, takenAt: Date): AnchorResponse {
  return { anchor: formatAnchor(anchor), ...anchor, taken_at: takenAt.toISOString() };
}

export function toAuditEntryResponse({ actor_kind, actor_id, at, ...row }: AuditEntryRow): AuditEntryResponse {
  return { ...row, at: at.toISOString(), actor: { kind: actor_kind, id: actor_id } };
}

/** `anchor`: the verdict on the given anchor. Any other than `holds` makes the record invalid. */
export function toChainVerificationResponse(
  { valid, entries, prunedEntries, unlinkedEntries, head, faults, firstFault }: ChainVerification,
  anchor?: AnchorVerdict,
): ChainVerificationResponse {
  return {
    valid: valid && (anchor === undefined || anchor === 'holds'),
    entries,
    head,
    ...(prunedEntries === 0 ? {} : { pruned_entries: prunedEntries }),
    ...(unlinkedEntries === 0 ? {} : { unlinked_entries: unlinkedEntries }),
    faults: faults.map(({ kind, from, to, entryId, objects }) => ({
      kind,
      from,
      to,
      entry_id: entryId,
      ...(objects === undefined ? {} : { objects }),
    })),
    ...(firstFault === null
      ? {}
      : { broken_at: { reason: firstFault.reason, position: firstFault.position, entry_id: firstFault.entryId } }),
    ...(anchor === undefined ? {} : { anchor }),
  };
}
