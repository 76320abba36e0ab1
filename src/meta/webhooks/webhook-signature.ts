import type { SecretString } from '../../platform/secret-string.ts';
import { HmacVerification } from './hmac-signature.ts';

const SIGNATURE_PATTERN = /^sha256=([0-9a-f]{64})$/i;

/** An app, by a secret that it may sign with. */
interface WebhookSigner {
  appId: string;
  secret: SecretString;
}

/** The verification of `X-Hub-Signature-256` (META.md 15) while the raw bytes come in. */
export interface WebhookSignature {
  update(chunk: Buffer): void;
  /** The apps under whose secret the signature is right; none where it is wrong. To be called once, after the last byte. */
  signers(): string[];
}

/** Null for a missing, repeated or malformed header, which no body can fit. All secrets are tried, whatever matches, each in constant time. */
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
