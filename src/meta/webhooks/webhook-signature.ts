import type { SecretString } from '../../platform/secret-string.ts';
import { HmacVerification } from './hmac-signature.ts';

const SIGNATURE_PATTERN = /^sha256=([0-9a-f]{64})$/i;

/** An app and a secret that it may sign with. */
interface WebhookSigner {
  appId: string;
  secret: SecretString;
}

/** Verifies `X-Hub-Signature-256` as raw bytes arrive (docs/meta-facts.md#webhooks-of-meta). */
export interface WebhookSignature {
  update(chunk: Buffer): void;
  /** Returns the apps whose secret matches, or none. Call once, after the last byte. */
  signers(): string[];
}

/** Returns null for a missing, repeated or malformed header. Checks all secrets in constant time. */
export function readWebhookSignature(
  header: string | string[] | undefined,
  signers: readonly WebhookSigner[],
): WebhookSignature | null {
  const hex = typeof header === 'string' ? SIGNATURE_PATTERN.exec(header)?.[1] : undefined;
  if (hex === undefined) return null;
  const signature = Buffer.from(hex, 'hex');
  const verifications = signers.map(({ appId, secret }) => ({ appId, verification: new HmacVerification([secret]) }));
  return {
    update: (chunk) => {
      for (const { verification } of verifications) verification.update(chunk);
    },
    signers: () => {
      const signed = verifications.filter(({ verification }) => verification.verify(signature));
      return [...new Set(signed.map(({ appId }) => appId))];
    },
  };
}
