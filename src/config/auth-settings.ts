import ipaddr from 'ipaddr.js';
import type { OidcConfig } from './config.ts';
import type { EnvironmentReader } from './environment-reader.ts';
import { isLoopback } from './setting-readers.ts';

/** The issuers of machine identities, and who their tokens must be meant for. */
export function readOidc(reader: EnvironmentReader, isProduction: boolean): OidcConfig {
  const isIssuer = (value: string): boolean => {
    if (!/^https?:\/\/[^\s?#@]+$/.test(value) || !URL.canParse(value)) return false;
    const { protocol, hostname } = new URL(value);
    return protocol === 'https:' || (!isProduction && isLoopback(hostname));
  };
  const issuers = reader.list(
    'OIDC_ISSUERS',
    isIssuer,
    'https:// addresses of issuers as their tokens write them, without query and fragment',
  );
  const audiences = reader.list(
    'OIDC_AUDIENCE',
    (value) => /^[\x21-\x7e]{1,500}$/.test(value),
    'audiences as tokens write them',
  );
  if ((issuers?.length ?? 0) > 0 && (audiences?.length ?? 0) === 0) {
    reader.fault(
      'OIDC_AUDIENCE',
      'is missing although OIDC_ISSUERS is set; name the audience that tokens for this service have, such as metavault.',
    );
  }
  return { issuers: issuers ?? [], audiences: audiences ?? [] };
}

/** The proxies in front of this service. Trusting everybody (a prefix of 0) would let any client claim any address. */
export function readTrustedProxies(reader: EnvironmentReader): readonly string[] {
  const isRange = (value: string): boolean => {
    const [address = '', bits, ...more] = value.split('/');
    const isPlain =
      ipaddr.IPv4.isValidFourPartDecimal(address) || (ipaddr.IPv6.isValid(address) && !address.includes('%'));
    if (!isPlain || more.length > 0) return false;
    const maxPrefixBits = ipaddr.parse(address).kind() === 'ipv4' ? 32 : 128;
    return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) >= 1 && Number(bits) <= maxPrefixBits);
  };
  return reader.list('TRUSTED_PROXIES', isRange, 'IP addresses or ranges such as 10.0.0.0/8, not of everybody') ?? [];
}
