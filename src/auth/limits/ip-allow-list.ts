import ipaddr from 'ipaddr.js';

type IpRange = [ipaddr.IPv4 | ipaddr.IPv6, number];

/** Parses an address or a CIDR range, with IPv4-mapped ranges as IPv4. Null if the text is neither. */
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
 * Whether an address is in one of the ranges. IPv4-mapped IPv6 (`::ffff:192.0.2.1`) counts as IPv4; an invalid address
 * is in none.
 */
export function isInRanges(ranges: readonly string[], address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  return ranges.some((text) => {
    const range = parseIpRange(text);
    return range !== null && range[0].kind() === parsed.kind() && parsed.match(range as never);
  });
}

/** Rejects forms that parsers disagree about: integers, octal, hexadecimal, zones. */
function isPlainAddress(address: string): boolean {
  return ipaddr.IPv4.isValidFourPartDecimal(address) || (ipaddr.IPv6.isValid(address) && !address.includes('%'));
}
