import ipaddr from 'ipaddr.js';
import type { OidcConfig } from './config.ts';
import type { EnvironmentReader } from './environment-reader.ts';
import { isLoopback } from './setting-readers.ts';

/** Reads the issuers of machine identities, and the audiences that their tokens may have. */
export function readOidc(reader: EnvironmentReader, isProduction: boolean): OidcConfig {
  const issuers = reader.list(
    'OIDC_ISSUERS',
    (value) => isIssuer(value, isProduction),
    'https:// URLs of issuers exactly as in their tokens, without query or fragment',
  );
  const audiences = reader.list(
    'OIDC_AUDIENCE',
    (value) => /^[\x21-\x7e]{1,500}$/.test(value),
    'audiences exactly as in the tokens',
  );
  if ((issuers?.length ?? 0) > 0 && (audiences?.length ?? 0) === 0) {
    reader.fault(
      'OIDC_AUDIENCE',
      'is missing although OIDC_ISSUERS is set; set it to the audience of tokens for this service, such as metavault.',
    );
  }
  return { issuers: issuers ?? [], audiences: audiences ?? [] };
}

/** Whether a value can be an issuer: an https URL without query, outside of production also http on loopback. */
export function isIssuer(value: string, isProduction: boolean): boolean {
  if (!/^https?:\/\/[^\s?#@]+$/.test(value) || !URL.canParse(value)) return false;
  const { protocol, hostname } = new URL(value);
  return protocol === 'https:' || (!isProduction && isLoopback(hostname));
}

/** Reads the proxies in front of us. Rejects a prefix of 0: trusting everyone would let clients forge addresses. */
export function readTrustedProxies(reader: EnvironmentReader): readonly string[] {
  const isRange = (value: string): boolean => {
    const [address = '', bits, ...more] = value.split('/');
    const isPlain =
      ipaddr.IPv4.isValidFourPartDecimal(address) || (ipaddr.IPv6.isValid(address) && !address.includes('%'));
    if (!isPlain || more.length > 0) return false;
    const maxPrefixBits = ipaddr.parse(address).kind() === 'ipv4' ? 32 : 128;
    return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) >= 1 && Number(bits) <= maxPrefixBits);
  };
  return reader.list('TRUSTED_PROXIES', isRange, 'IP addresses or ranges such as 10.0.0.0/8 (not 0.0.0.0/0)') ?? [];
}
