import { createHmac, type Hmac, timingSafeEqual } from 'node:crypto';
import type { SecretString } from '../../platform/secret-string.ts';

/** An HMAC-SHA256 under each of several secrets, of content that comes piece by piece. */
export class HmacVerification {
  readonly #hmacs: Hmac[];

  constructor(secrets: readonly SecretString[]) {
    this.#hmacs = secrets.map((secret) => createHmac('sha256', secret.expose()));
  }

  update(content: string | Buffer): void {
    for (const hmac of this.#hmacs) hmac.update(content);
  }

  /**
   * Whether `signature` is that of the content under one of the secrets. All are tried, whatever matches, each in constant time. To be
   * called once.
   */
  verify(signature: Buffer): boolean {
    let isSigned = false;
    for (const hmac of this.#hmacs) {
      const expected = hmac.digest();
      if (signature.length === expected.length && timingSafeEqual(signature, expected)) isSigned = true;
    }
    return isSigned;
  }
}

/** Whether `signature` is the HMAC-SHA256 of `content` under one of the secrets, as `HmacVerification` has it. */
export function isSignedByAny(content: string | Buffer, signature: Buffer, secrets: readonly SecretString[]): boolean {
  const verification = new HmacVerification(secrets);
  verification.update(content);
  return verification.verify(signature);
}
