import { crc32 } from 'node:zlib';
import type { Random } from '../../platform/random.ts';
import { SecretString } from '../../platform/secret-string.ts';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const SECRET_BYTES = 32;
/** 62^43 > 2^256 */
const SECRET_CHARACTERS = 43;
/** 62^6 > 2^32 */
const CHECKSUM_CHARACTERS = 6;
const BODY = /^[0-9A-Za-z]{49}$/;

/**
 * Generates a bearer token: `prefix` + `_` + 43 base62 characters (256 random bits) + 6 base62 characters (CRC-32).
 * Prefix and checksum let secret scanners find it reliably, and let us reject typos without a database lookup.
 */
export function generateChecksummedToken(prefix: string, random: Random): SecretString {
  const bytes = random.bytes(SECRET_BYTES);
  const secret = toBase62(BigInt(`0x${bytes.toString('hex')}`), SECRET_CHARACTERS);
  bytes.fill(0);
  return new SecretString(`${prefix}_${secret}${checksum(prefix, secret)}`);
}

/** Whether `value` has the form and checksum of such a token. It may still be unknown. */
export function isChecksummedToken(prefix: string, value: string): boolean {
  const start = prefix.length + 1;
  const body = value.slice(start);
  if (!value.startsWith(`${prefix}_`) || !BODY.test(body)) return false;
  const secret = body.slice(0, SECRET_CHARACTERS);
  return body.slice(SECRET_CHARACTERS) === checksum(prefix, secret);
}

function checksum(prefix: string, secret: string): string {
  return toBase62(BigInt(crc32(`${prefix}_${secret}`)), CHECKSUM_CHARACTERS);
}

function toBase62(value: bigint, length: number): string {
  let rest = value;
  let digits = '';
  for (let index = 0; index < length; index++) {
    digits = ALPHABET.charAt(Number(rest % 62n)) + digits;
    rest /= 62n;
  }
  return digits;
}
