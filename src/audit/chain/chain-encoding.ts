import type { ChainMac } from './chain-mac.ts';

const FORMAT = '1';
const FORMAT_WITH_ENTRY_MAC = '2';

/** Takes the place of the previous MAC in the first link. */
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
  const start = entryMac === null ? LINK : LINK_WITH_ENTRY_MAC;
  const digits = String(position);
  const macs = entryMac === null ? [previous] : [previous, entryMac];
  const size =
    start.length + 4 + digits.length + macs.reduce((sum, each) => sum + 4 + 2 * each.length, 0) + entry.length;
  const message = Buffer.allocUnsafe(size);
  let offset = writeAscii(message, digits, start.copy(message));
  for (const each of macs) offset = writeAscii(message, each.toString('hex'), offset);
  entry.copy(message, offset);
  return mac.computeAuditMac(message);
}

/** Writes a field as `encodeFields` does, in a tenth of the time. Returns the offset after it. */
function writeAscii(bytes: Buffer, field: string, offset: number): number {
  const start = bytes.writeUInt32BE(field.length, offset);
  return start + bytes.write(field, start, 'latin1');
}

/** Computes the seal of the head: the number of links and the last MAC. Shortening the chain requires the key. */
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

const LINK = encodeFields(['metavault audit link', FORMAT]);
const LINK_WITH_ENTRY_MAC = encodeFields(['metavault audit link', FORMAT_WITH_ENTRY_MAC]);
