import { createHash } from 'node:crypto';
import type { AuditEntryId } from '../ids.ts';
import { encodeFields } from './chain-encoding.ts';
import type { ChainMac } from './chain-mac.ts';
import { epochMsOfId, firstAuditIdAt } from './entry-id-time.ts';

const FORMAT = '1';
/**
 * How long after the first entry with a MAC entries without one are still accepted, in a record that began without MACs: replicas of the
 * previous version may still run during the rollout.
 */
const ROLLOUT_MS = 3_600_000;

/**
 * The key of one entry's MAC. It is sent to Postgres with the entry, because some entries are assembled there. Whoever sees it could only
 * sign an entry with this very id, which already exists.
 */
export function deriveEntryKey(mac: ChainMac, entryId: AuditEntryId): Buffer {
  return mac.computeAuditMac(encodeFields(['metavault audit entry', FORMAT, entryId]));
}

/** Whether the entry's MAC verifies. */
function isGenuine(mac: ChainMac, entry: { id: AuditEntryId; digest: Buffer; mac: Buffer }): boolean {
  const expected = createHash('sha256').update(deriveEntryKey(mac, entry.id)).update(entry.digest).digest();
  return expected.equals(entry.mac);
}

/**
 * The id from which entries without a MAC are rejected, derived from the links in order; null: from none yet. If the first entry has a MAC,
 * so must all others.
 */
export function firstIdRequiringMac(firstWithMac: { id: AuditEntryId; position: number }): string {
  const madeAtMs = epochMsOfId(firstWithMac.id);
  return firstWithMac.position === 1 || madeAtMs === null ? '' : firstAuditIdAt(madeAtMs + ROLLOUT_MS);
}

/** Whether an entry was written by something other than this service. */
export function isForged(
  mac: ChainMac,
  entry: { id: AuditEntryId; digest: Buffer; mac: Buffer | null },
  requiredFrom: string | null,
): boolean {
  if (entry.mac === null) return requiredFrom !== null && entry.id >= requiredFrom;
  return !isGenuine(mac, { ...entry, mac: entry.mac });
}
