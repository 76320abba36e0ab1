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
  /** How many of the entries were pruned. Absent: none. */
  pruned_entries?: number;
  /** How many entries wait to be chained. Absent: none. */
  unlinked_entries?: number;
  /** What is wrong, in the order of the record; at most 100. */
  faults: ChainFaultResponse[];
  /** The first of them. */
  broken_at?: { reason: string; position: number | null; entry_id: AuditEntryId | null };
  /** With `?anchor=`: whether the record still contains what it was then, or why not. */
  anchor?: AnchorVerdict;
}

interface ChainFaultResponse {
  kind: string;
  /** Positions of the first and last link, from 1; null for what has none. */
  from: number | null;
  to: number | null;
  entry_id: AuditEntryId | null;
  /** Of `record_missing`: the objects that no entry names. */
  objects?: { kind: string; count: number; first: string };
}

/** Response of `GET /v1/audit/anchor`. */
export interface AnchorResponse extends ChainAnchor {
  /** All of it in one word, for `GET /v1/audit/verify?anchor=`. */
  anchor: string;
  taken_at: string;
}

export function toAnchorResponse(anchor: ChainAnchor, takenAt: Date): AnchorResponse {
  return { anchor: formatAnchor(anchor), ...anchor, taken_at: takenAt.toISOString() };
}

export function toAuditEntryResponse({ actor_kind, actor_id, at, ...row }: AuditEntryRow): AuditEntryResponse {
  return { ...row, at: at.toISOString(), actor: { kind: actor_kind, id: actor_id } };
}

/** `anchor`: how the record stands to the anchor that was given, if any; one that does not hold makes the record invalid. */
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
