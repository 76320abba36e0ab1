import { crc32 } from 'node:zlib';
import type { Random } from '../platform/random.ts';
import type { LeaseId } from './ids.ts';

const PREFIX = 'mtl_';
const ULID_LENGTH = 26;
const SECRET_BYTES = 32;
/** Base64url of 32 bytes. */
const SECRET_LENGTH = 43;
/** Base64url of a CRC-32. */
const CHECKSUM_LENGTH = 6;
const TOKEN = /^mtl_[0-9a-hjkmnp-tv-z]{26}[A-Za-z0-9_-]{49}$/;

/** A lease token's parts: the lease's id, and the secret that proves it. */
export interface LeaseTokenParts {
  leaseId: LeaseId;
  secret: string;
}

/**
 * `mtl_` ‖ the lease's ULID ‖ 256 random bits ‖ CRC-32. It is looked up by primary key and recognized by secret
 * scanners, and mistyped or truncated tokens are refused without a query.
 */
export function createLeaseToken(leaseId: LeaseId, random: Random): { token: string; secret: string } {
  const secret = random.bytes(SECRET_BYTES).toString('base64url');
  const body = PREFIX + leaseId.slice(-ULID_LENGTH) + secret;
  return { token: body + checksum(body), secret };
}

/** Returns the lease id of a token, without checking anything. */
export function leaseIdOf(token: string): LeaseId {
  return `lse_${token.slice(PREFIX.length, PREFIX.length + ULID_LENGTH)}`;
}

/** Returns a well-formed token's parts; null for anything else. */
export function parseLeaseToken(token: string): LeaseTokenParts | null {
  if (!TOKEN.test(token)) return null;
  const body = token.slice(0, -CHECKSUM_LENGTH);
  if (checksum(body) !== token.slice(-CHECKSUM_LENGTH)) return null;
  const secretStart = PREFIX.length + ULID_LENGTH;
  return {
    leaseId: leaseIdOf(token),
    secret: body.slice(secretStart, secretStart + SECRET_LENGTH),
  };
}

function checksum(body: string): string {
  const sum = Buffer.allocUnsafe(4);
  sum.writeUInt32BE(crc32(body));
  return sum.toString('base64url');
}
