import type { ChainMac } from './chain-mac.ts';

const FORMAT = '1';
const FORMAT_WITH_ENTRY_MAC = '2';

/** The MAC before the first link. */
export const GENESIS_MAC = Buffer.alloc(32);

/**
 * The MAC of the link at `position` (from 1): binds the entry to its place and to everything before it. With the entry's own MAC, where it
 * has one: whoever takes that away, so that the entry looks like one from before there were any, breaks the link.
 */
export function computeLinkMac(
  mac: ChainMac,
  position: number,
  previous: Buffer,
  entryFields: readonly (string | null)[],
  entryMac: Buffer | null,
): Buffer {
  const place = [String(position), previous.toString('hex')];
  if (entryMac === null)
    return mac.computeAuditMac(encodeFields(['metavault audit link', FORMAT, ...place, ...entryFields]));
  return mac.computeAuditMac(
    encodeFields(['metavault audit link', FORMAT_WITH_ENTRY_MAC, ...place, entryMac.toString('hex'), ...entryFields]),
  );
}

/** The MAC that seals the head: how many links there are, and the last one's MAC. Without the key nobody can shorten the chain. */
export function computeHeadSeal(mac: ChainMac, entries: number, lastMac: Buffer): Buffer {
  return mac.computeAuditMac(encodeFields(['metavault audit head', FORMAT, String(entries), lastMac.toString('hex')]));
}

const NULL_LENGTH = 0xffffffff;

/** Each field behind its length, null distinct from empty: no two different lists have the same bytes. */
export function encodeFields(fields: readonly (string | null)[]): Buffer {
  const size = fields.reduce((sum, field) => sum + 4 + (field === null ? 0 : Buffer.byteLength(field)), 0);
  const bytes = Buffer.allocUnsafe(size);
  let offset = 0;
  for (const field of fields) {
    const length = field === null ? 0 : bytes.write(field, offset + 4);
    offset = bytes.writeUInt32BE(field === null ? NULL_LENGTH : length, offset) + length;
  }
  return bytes;
}
