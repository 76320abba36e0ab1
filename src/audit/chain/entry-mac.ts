import { createHash } from 'node:crypto';
import type { AuditEntryId } from '../ids.ts';
import { encodeFields } from './chain-encoding.ts';
import type { ChainMac } from './chain-mac.ts';
import { epochMsOfId, firstAuditIdAt } from './entry-id-time.ts';

const FORMAT = '1';
/**
 * How long after the first entry with a MAC entries without one are still taken, in a record that began without: replicas of the version
 * before may run beside the new ones while those are rolled out.
 */
const ROLLOUT_MS = 3_600_000;

/**
 * The key of one entry's MAC. It goes to Postgres with the entry, because some entries are put together in there; whoever saw it there
 * could sign nothing but an entry of this very id, which exists already.
 */
export function deriveEntryKey(mac: ChainMac, entryId: AuditEntryId): Buffer {
  return mac.computeAuditMac(encodeFields(['metavault audit entry', FORMAT, entryId]));
}

/** Whether the MAC of an entry is the one that this service gave it. */
function isGenuine(mac: ChainMac, entry: { id: AuditEntryId; digest: Buffer; mac: Buffer }): boolean {
  const expected = createHash('sha256').update(deriveEntryKey(mac, entry.id)).update(entry.digest).digest();
  return expected.equals(entry.mac);
}

/**
 * From which id on no entry without a MAC is taken, as the links tell in their order; null: from none yet. A record whose very first entry
 * has a MAC has never known others.
 */
export function firstIdRequiringMac(firstWithMac: { id: AuditEntryId; position: number }): string {
  const madeAtMs = epochMsOfId(firstWithMac.id);
  return firstWithMac.position === 1 || madeAtMs === null ? '' : firstAuditIdAt(madeAtMs + ROLLOUT_MS);
}

/** Whether an entry was made by somebody else than this service. */
export function isForged(
  mac: ChainMac,
  entry: { id: AuditEntryId; digest: Buffer; mac: Buffer | null },
  requiredFrom: string | null,
): boolean {
  if (entry.mac === null) return requiredFrom !== null && entry.id >= requiredFrom;
  return !isGenuine(mac, { ...entry, mac: entry.mac });
}
