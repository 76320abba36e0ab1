import type { SecretString } from '../../platform/secret-string.ts';
import { isSignedByAny } from './hmac-signature.ts';

const SIGNATURE_PATTERN = /^sha256=([0-9a-f]{64})$/i;

/**
 * Whether `X-Hub-Signature-256` is right for these raw bytes under one of the secrets (META.md 15). All secrets are tried,
 * whatever matches, and each in constant time. A missing, repeated or malformed header is just wrong.
 */
export function isWebhookSignatureValid(
  rawBody: Buffer,
  header: string | string[] | undefined,
  secrets: readonly SecretString[],
): boolean {
  const hex = typeof header === 'string' ? SIGNATURE_PATTERN.exec(header)?.[1] : undefined;
  return hex !== undefined && isSignedByAny(rawBody, Buffer.from(hex, 'hex'), secrets);
}
