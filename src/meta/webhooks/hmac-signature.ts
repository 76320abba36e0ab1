import { createHmac, type Hmac, timingSafeEqual } from 'node:crypto';
import type { SecretString } from '../../platform/secret-string.ts';

/** Computes HMAC-SHA256 of streamed content under several secrets. */
export class HmacVerification {
  readonly #hmacs: Hmac[];

  constructor(secrets: readonly SecretString[]) {
    this.#hmacs = secrets.map((secret) => createHmac('sha256', secret.expose()));
  }

  update(content: string | Buffer): void {
    for (const hmac of this.#hmacs) hmac.update(content);
  }

  /** Whether `signature` matches under one of the secrets. Checks all in constant time. Call once. */
  verify(signature: Buffer): boolean {
    let isSigned = false;
    for (const hmac of this.#hmacs) {
      const expected = hmac.digest();
      if (signature.length === expected.length && timingSafeEqual(signature, expected)) isSigned = true;
    }
    return isSigned;
  }
}

/** Whether `signature` is the HMAC-SHA256 of `content` under one of the secrets. */
export function isSignedByAny(content: string | Buffer, signature: Buffer, secrets: readonly SecretString[]): boolean {
  const verification = new HmacVerification(secrets);
  verification.update(content);
  return verification.verify(signature);
}
