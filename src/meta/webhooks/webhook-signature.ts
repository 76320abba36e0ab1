import type { SecretString } from '../../platform/secret-string.ts';
import { HmacVerification } from './hmac-signature.ts';

const SIGNATURE_PATTERN = /^sha256=([0-9a-f]{64})$/i;

/** The verification of `X-Hub-Signature-256` (META.md 15) while the raw bytes come in. */
export interface WebhookSignature {
  update(chunk: Buffer): void;
  /** To be called once, after the last byte. */
  isValid(): boolean;
}

/** Null for a missing, repeated or malformed header, which no body can fit. All secrets are tried, whatever matches, each in constant time. */
export function readWebhookSignature(
  header: string | string[] | undefined,
  secrets: readonly SecretString[],
): WebhookSignature | null {
  const hex = typeof header === 'string' ? SIGNATURE_PATTERN.exec(header)?.[1] : undefined;
  if (hex === undefined) return null;
  const verification = new HmacVerification(secrets);
  return { update: (chunk) => verification.update(chunk), isValid: () => verification.verify(Buffer.from(hex, 'hex')) };
}
