import type { ChainMac } from './chain-mac.ts';

const FORMAT = '1';
const FORMAT_WITH_ENTRY_MAC = '2';

/** The MAC before the first link. */
export const GENESIS_MAC = Buffer.alloc(32);

/**
 * The MAC of the link at `position` (from 1): binds the entry to its position and to everything before it. Includes the entry's own MAC, if
 * any, so stripping that MAC to make the entry look older than MACs breaks the link.
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

/** The MAC that seals the head: the number of links and the last one's MAC. Without the key nobody can shorten the chain. */
export function computeHeadSeal(mac: ChainMac, entries: number, lastMac: Buffer): Buffer {
  return mac.computeAuditMac(encodeFields(['metavault audit head', FORMAT, String(entries), lastMac.toString('hex')]));
}

const NULL_LENGTH = 0xffffffff;

/** Length-prefixes each field and distinguishes null from empty, so no two different lists encode alike. */
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
