import { createCipheriv, createDecipheriv, createHash } from 'node:crypto';
import type { TokenKind } from '../state/records.ts';

/**
 * Tokens contain their claims, sealed with a key of this sandbox, so that a million of them cost no memory and survive
 * a restart. The format is Meta's: a prefix, 180 to 290 letters and digits (docs/meta-facts.md#length-and-prefixes).
 */
export interface TokenClaims {
  kind: TokenKind;
  appId: string;
  principalId: string;
  pageId: string | null;
  issuedAt: number;
  /** Milliseconds since 1970; 0: never. */
  expiresAt: number;
  epoch: number;
  longLived: boolean;
  sequence: number;
}

const kinds: TokenKind[] = ['user', 'page', 'system_user', 'instagram_user', 'threads_user'];
const prefixes: Record<TokenKind, string> = {
  user: 'EAA',
  page: 'EAA',
  system_user: 'EAA',
  instagram_user: 'IGAA',
  threads_user: 'THAA',
};
const nonceBytes = 12;
const claimBytes = 46;
const fillerBytes = 62;
const tagBytes = 16;
export const tokenRandomBytes = nonceBytes + fillerBytes;

/** Seals claims into a token in Meta's format. `random` must have `tokenRandomBytes` bytes. */
export function encodeToken(key: Buffer, claims: TokenClaims, random: Buffer): string {
  const plain = Buffer.alloc(claimBytes + fillerBytes);
  plain[0] = kinds.indexOf(claims.kind);
  plain[1] = claims.longLived ? 1 : 0;
  plain.writeBigUInt64BE(BigInt(claims.appId), 2);
  plain.writeBigUInt64BE(BigInt(claims.principalId), 10);
  plain.writeBigUInt64BE(BigInt(claims.pageId ?? 0), 18);
  plain.writeUIntBE(claims.issuedAt, 26, 6);
  plain.writeUIntBE(claims.expiresAt, 32, 6);
  plain.writeUInt16BE(claims.epoch, 38);
  plain.writeUIntBE(claims.sequence, 40, 6);
  random.copy(plain, claimBytes, nonceBytes, tokenRandomBytes);
  const nonce = random.subarray(0, nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  const sealed = Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  return prefixes[claims.kind] + escapeBase64(sealed.toString('base64url'));
}

/** Opens a token. Returns null if it was truncated, changed or made up. */
export function decodeToken(key: Buffer, token: string): TokenClaims | null {
  const prefix = /^(EAA|IGAA|THAA)[A-Za-z0-9]{100,400}$/.exec(token)?.[1];
  if (prefix === undefined) return null;
  const sealed = Buffer.from(unescapeBase64(token.slice(prefix.length)), 'base64url');
  if (sealed.length !== nonceBytes + claimBytes + fillerBytes + tagBytes) return null;
  // Unused trailing bits: several texts would decode to the same token.
  if (prefix + escapeBase64(sealed.toString('base64url')) !== token) return null;
  const tagAt = sealed.length - tagBytes;
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, nonceBytes));
  decipher.setAuthTag(sealed.subarray(tagAt));
  try {
    const claims = readClaims(Buffer.concat([decipher.update(sealed.subarray(nonceBytes, tagAt)), decipher.final()]));
    return prefixes[claims.kind] === prefix ? claims : null;
  } catch {
    return null;
  }
}

function readClaims(plain: Buffer): TokenClaims {
  const pageId = plain.readBigUInt64BE(18);
  return {
    kind: kinds[plain[0] ?? 0] ?? 'user',
    longLived: plain[1] === 1,
    appId: plain.readBigUInt64BE(2).toString(),
    principalId: plain.readBigUInt64BE(10).toString(),
    pageId: pageId === 0n ? null : pageId.toString(),
    issuedAt: plain.readUIntBE(26, 6),
    expiresAt: plain.readUIntBE(32, 6),
    epoch: plain.readUInt16BE(38),
    sequence: plain.readUIntBE(40, 6),
  };
}

/**
 * Encodes base64url in letters and digits, as Meta's tokens and cursors do with `ZA`, `ZB`, `ZC` (headers_graph_2021).
 */
export function escapeBase64(text: string): string {
  return text.replace(/[Z_-]/g, (sign) => (sign === 'Z' ? 'ZA' : sign === '-' ? 'ZB' : 'ZC'));
}

export function unescapeBase64(text: string): string {
  return text.replace(/Z[ABC]/g, (pair) => (pair === 'ZA' ? 'Z' : pair === 'ZB' ? '-' : '_'));
}

/** First 16 hex digits of SHA-256: identifies a token in counters and changes; the first 8 in the call log. */
export function fingerprintOf(token: string): string {
  return createHash('sha256').update(token).digest('hex').slice(0, 16);
}
