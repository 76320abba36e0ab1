import { crc32 } from 'node:zlib';
import type { Random } from '../platform/random.ts';
import type { LeaseId } from './ids.ts';

const PREFIX = 'mtl_';
const ULID_LENGTH = 26;
const SECRET_BYTES = 32;
/** base64url of 32 bytes. */
const SECRET_LENGTH = 43;
/** base64url of a CRC-32. */
const CHECKSUM_LENGTH = 6;
const TOKEN = /^mtl_[0-9a-hjkmnp-tv-z]{26}[A-Za-z0-9_-]{49}$/;

/** A lease token in its parts: which lease, and the secret that proves it. */
export interface LeaseTokenParts {
  leaseId: LeaseId;
  secret: string;
}

/**
 * `mtl_` ‖ the lease's ULID ‖ 256 random bits ‖ CRC-32: found by primary key, recognised by secret scanners, and a mistyped or
 * cut-off one is refused without asking the database.
 */
export function createLeaseToken(leaseId: LeaseId, random: Random): { token: string; secret: string } {
  const secret = random.bytes(SECRET_BYTES).toString('base64url');
  const body = PREFIX + leaseId.slice(-ULID_LENGTH) + secret;
  return { token: body + checksum(body), secret };
}

/** The id of the lease that a token names, if it is one at all; nothing is checked. */
export function leaseIdOf(token: string): LeaseId {
  return `lse_${token.slice(PREFIX.length, PREFIX.length + ULID_LENGTH)}`;
}

/** The parts of a well-formed token; null for anything else. */
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
