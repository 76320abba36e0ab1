import ipaddr from 'ipaddr.js';

type IpRange = [ipaddr.IPv4 | ipaddr.IPv6, number];

/** An address or a range in CIDR notation; null if the text is neither. An IPv4 range written as IPv6 becomes IPv4. */
export function parseIpRange(text: string): IpRange | null {
  const [address = '', bits, ...more] = text.split('/');
  if (more.length > 0 || !isPlainAddress(address)) return null;
  const parsed = ipaddr.parse(address);
  const maxBits = parsed.kind() === 'ipv4' ? 32 : 128;
  if (bits !== undefined && !/^\d{1,3}$/.test(bits)) return null;
  const length = bits === undefined ? maxBits : Number(bits);
  if (length > maxBits) return null;
  const isMapped = parsed instanceof ipaddr.IPv6 && parsed.isIPv4MappedAddress() && length >= 96;
  return isMapped ? [parsed.toIPv4Address(), length - 96] : [parsed, length];
}

/**
 * Whether an address lies in one of the ranges. IPv4-mapped IPv6 (`::ffff:192.0.2.1`) counts as IPv4; an invalid address is in no range.
 */
export function isInRanges(ranges: readonly string[], address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  return ranges.some((text) => {
    const range = parseIpRange(text);
    return range !== null && range[0].kind() === parsed.kind() && parsed.match(range as never);
  });
}

/** Rejects forms that parsers disagree about: one number for all of IPv4, octal, hexadecimal, zones. */
function isPlainAddress(address: string): boolean {
  return ipaddr.IPv4.isValidFourPartDecimal(address) || (ipaddr.IPv6.isValid(address) && !address.includes('%'));
}
