import type { ChainMac } from './chain-mac.ts';

const FORMAT = '1';
const FORMAT_WITH_ENTRY_MAC = '2';

/** Stands in for the MAC before the first link. */
export const GENESIS_MAC = Buffer.alloc(32);

/**
 * Computes the MAC of the link at `position` (from 1), which binds the entry to its position and to everything before
 * it. Covers the entry's own MAC, so stripping that to pass for an entry from before MACs breaks the link. `entry` is
 * `encodeFields` of its columns.
 */
export function computeLinkMac(
  mac: ChainMac,
  position: number,
  previous: Buffer,
  entry: Buffer,
  entryMac: Buffer | null,
): Buffer {
  const place = [String(position), previous.toString('hex')];
  const start =
    entryMac === null
      ? ['metavault audit link', FORMAT, ...place]
      : ['metavault audit link', FORMAT_WITH_ENTRY_MAC, ...place, entryMac.toString('hex')];
  return mac.computeAuditMac(Buffer.concat([encodeFields(start), entry]));
}

/** Computes the seal of the head: the number of links and the last MAC. Shortening the chain takes the key. */
export function computeHeadSeal(mac: ChainMac, entries: number, lastMac: Buffer): Buffer {
  return mac.computeAuditMac(encodeFields(['metavault audit head', FORMAT, String(entries), lastMac.toString('hex')]));
}

const NULL_LENGTH = 0xffffffff;

/** Length-prefixes fields and tells null from empty, so different lists encode differently. */
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
