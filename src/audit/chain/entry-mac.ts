import { hash } from 'node:crypto';
import type { AuditEntryId } from '../ids.ts';
import { encodeFields } from './chain-encoding.ts';
import type { ChainMac } from './chain-mac.ts';
import { epochMsOfId, firstAuditIdAt } from './entry-id-time.ts';

const FORMAT = '1';
/**
 * How long entries without a MAC are accepted after the first one with a MAC, in a record that began without: replicas
 * of the previous release may still run.
 */
const ROLLOUT_MS = 3_600_000;

/**
 * Derives the key of one entry's MAC. It is sent to Postgres, which assembles some entries; leaking it only allows
 * signing an entry with this id, which already exists.
 */
export function deriveEntryKey(mac: ChainMac, entryId: AuditEntryId): Buffer {
  return mac.computeAuditMac(encodeFields(['metavault audit entry', FORMAT, entryId]));
}

function isGenuine(mac: ChainMac, entry: { id: AuditEntryId; digest: Buffer; mac: Buffer }): boolean {
  const expected = hash('sha256', Buffer.concat([deriveEntryKey(mac, entry.id), entry.digest]), 'buffer');
  return expected.equals(entry.mac);
}

/**
 * Returns the id from which entries without a MAC are forged. If the first link's entry has a MAC, all others need one.
 */
export function firstIdRequiringMac(firstWithMac: { id: AuditEntryId; position: number }): string {
  const madeAtMs = epochMsOfId(firstWithMac.id);
  return firstWithMac.position === 1 || madeAtMs === null ? '' : firstAuditIdAt(madeAtMs + ROLLOUT_MS);
}

/**
 * Whether an entry was not written by this service. `requiredFrom`: the id from which a MAC is required; null if none
 * is.
 */
export function isForged(
  mac: ChainMac,
  entry: { id: AuditEntryId; digest: Buffer; mac: Buffer | null },
  requiredFrom: string | null,
): boolean {
  if (entry.mac === null) return requiredFrom !== null && entry.id >= requiredFrom;
  return !isGenuine(mac, { ...entry, mac: entry.mac });
}
