import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** What `SUBSCRIPTION_HOSTS` and the environment allow (docs/api.md#events). */
export interface AddressRules {
  isProduction: boolean;
  /** Null: not set. */
  hosts: readonly string[] | null;
}

/** Never a subscriber, even if an allowed host resolves to them: these endpoints hand out the machine's credentials. */
const METADATA_ADDRESSES = new Set(['169.254.169.254', 'fd00:ec2::254', '100.100.100.200']);
const INSIDE_RANGES = new Set(['private', 'uniqueLocal', 'carrierGradeNat', 'loopback']);
const GLOBAL_IPV6 = ipaddr.IPv6.parseCIDR('2000::/3');
const MAX_LENGTH = 2048;

/** What is wrong with a subscriber's URL, phrased to follow "url". Null: nothing visible without resolving its host. */
export function findUrlFault(text: string, rules: AddressRules): string | null {
  if (text.length > MAX_LENGTH) return `must be no longer than ${MAX_LENGTH} characters`;
  if (!/^[\x21-\x7e]+$/.test(text) || !URL.canParse(text)) return 'must be an absolute URL in ASCII';
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'must begin with https://';
  if (url.username !== '' || url.password !== '') return 'must not contain a user or password';
  if (text.includes('#')) return 'must not contain a fragment';
  const host = hostOf(url);
  if (rules.hosts !== null && !isListed(host, rules.hosts)) return 'has a host that SUBSCRIPTION_HOSTS does not list';
  if (url.protocol === 'http:' && !canBePlainHttp(host, rules)) return 'must begin with https://';
  if (isIP(host) !== 0 && !isAllowedAddress(host, host, rules)) return 'has an address that is not public';
  if (isIP(host) === 0 && isLoopbackName(host) && !canBeLoopback(host, rules))
    return 'has an address that is not public';
  return null;
}

/** Whether connecting to `address`, which `host` resolved to, is allowed. */
export function isAllowedAddress(host: string, address: string, rules: AddressRules): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = withoutTranslation(ipaddr.process(address));
  if (parsed === null || METADATA_ADDRESSES.has(parsed.toString())) return false;
  const range = parsed.range();
  if (range === 'unicast') return parsed.kind() === 'ipv4' || parsed.match(GLOBAL_IPV6);
  if (range === 'loopback' && canBeLoopback(host, rules)) return true;
  return INSIDE_RANGES.has(range) && rules.hosts !== null && isListed(host, rules.hosts);
}

/** A URL's host: IPv6 without brackets, names without a trailing dot. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
}

/** The IPv4 address behind a NAT64 one (64:ff9b::/96, RFC 6052), because packets go there. Null: other translations. */
function withoutTranslation(address: ipaddr.IPv4 | ipaddr.IPv6): ipaddr.IPv4 | ipaddr.IPv6 | null {
  if (!(address instanceof ipaddr.IPv6) || address.range() !== 'rfc6052') return address;
  const bytes = address.toByteArray();
  return bytes.slice(4, 12).every((byte) => byte === 0) ? new ipaddr.IPv4(bytes.slice(12)) : null;
}

function canBePlainHttp(host: string, rules: AddressRules): boolean {
  if (rules.hosts === null) return !rules.isProduction && isLoopbackName(host);
  return !rules.isProduction || isLoopbackName(host);
}

function canBeLoopback(host: string, rules: AddressRules): boolean {
  if (!isLoopbackName(host)) return false;
  return rules.hosts === null ? !rules.isProduction : isListed(host, rules.hosts);
}

function isListed(host: string, hosts: readonly string[]): boolean {
  return hosts.some((each) => each.replace(/^\[|\]$/g, '').toLowerCase() === host);
}

/** Whether the name itself means this machine. Other names may still resolve to it. */
function isLoopbackName(host: string): boolean {
  if (host === 'localhost' || host.endsWith('.localhost')) return true;
  return isIP(host) !== 0 && ipaddr.process(host).range() === 'loopback';
}
