import type { SecretString } from '../../platform/secret-string.ts';
import { isSignedByAny } from './hmac-signature.ts';

const SIGNATURE_PATTERN = /^sha256=([0-9a-f]{64})$/i;

/** An app, by a secret that it may sign with. */
interface WebhookSigner {
  appId: string;
  secret: SecretString;
}

/**
 * The apps under whose secret `X-Hub-Signature-256` is right for these raw bytes (META.md 15); none where it is wrong. All secrets are
 * tried, whatever matches, and each in constant time. A missing, repeated or malformed header is just wrong.
 */
export function findWebhookSigners(
  rawBody: Buffer,
  header: string | string[] | undefined,
  signers: readonly WebhookSigner[],
): string[] {
  const hex = typeof header === 'string' ? SIGNATURE_PATTERN.exec(header)?.[1] : undefined;
  if (hex === undefined) return [];
  const signature = Buffer.from(hex, 'hex');
  const signed = signers.filter(({ secret }) => isSignedByAny(rawBody, signature, [secret]));
  return [...new Set(signed.map(({ appId }) => appId))];
}
