import { createHmac, timingSafeEqual } from 'node:crypto';
import type { SecretString } from '../../platform/secret-string.ts';

/** Whether `signature` is the HMAC-SHA256 of `content` under one of the secrets. All are tried, whatever matches, each in constant time. */
export function isSignedByAny(content: string | Buffer, signature: Buffer, secrets: readonly SecretString[]): boolean {
  let isSigned = false;
  for (const secret of secrets) {
    const expected = createHmac('sha256', secret.expose()).update(content).digest();
    if (signature.length === expected.length && timingSafeEqual(signature, expected)) isSigned = true;
  }
  return isSigned;
}
