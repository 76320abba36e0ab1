import { decodeBase64Url } from '../../platform/base64.ts';
import { fromUnixSeconds } from '../../platform/clock.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { asObject, type JsonObject, parseLossless, readId, readNumber, readText } from '../graph/lossless-json.ts';
import { isSignedByAny } from './hmac-signature.ts';

/** The payload of Meta's deauthorize and data-deletion callbacks (docs/meta-facts.md#signed-requests). */
export interface SignedRequest {
  userId: string | null;
  issuedAt: Date | null;
  expiresAt: Date | null;
  /** The whole payload. May contain tokens: do not log. */
  payload: JsonObject;
}

type SignedRequestResult =
  | { ok: true; request: SignedRequest }
  | { ok: false; reason: 'malformed' | 'algorithm' | 'signature' };

/** Either base64 alphabet, padded or not: all occur (docs/meta-facts.md#signed-requests). */
const BASE64_PATTERN = /^[A-Za-z0-9+/_-]+={0,2}$/;
const MAX_LENGTH = 100_000;

/**
 * Verifies and parses a `signed_request`, trying all secrets. The HMAC covers the encoded payload as received. Never
 * throws.
 */
export function parseSignedRequest(text: string, secrets: readonly SecretString[]): SignedRequestResult {
  const [signature, encoded, ...rest] = text.length > MAX_LENGTH ? [] : text.split('.');
  if (signature === undefined || encoded === undefined || rest.length > 0) return { ok: false, reason: 'malformed' };
  const [signatureBytes, json] = [decode(signature), decode(encoded)];
  if (signatureBytes === null || json === null) return { ok: false, reason: 'malformed' };
  if (!isSignedByAny(encoded, signatureBytes, secrets)) return { ok: false, reason: 'signature' };
  const payload = asObject(parseLossless(json.toString('utf8')));
  if (payload === null) return { ok: false, reason: 'malformed' };
  if (readText(payload, 'algorithm')?.toUpperCase() !== 'HMAC-SHA256') return { ok: false, reason: 'algorithm' };
  return {
    ok: true,
    request: {
      userId: readId(payload, 'user_id'),
      issuedAt: readInstant(payload, 'issued_at'),
      expiresAt: readInstant(payload, 'expires'),
      payload,
    },
  };
}

function decode(text: string): Buffer | null {
  if (!BASE64_PATTERN.test(text)) return null;
  return decodeBase64Url(text.replace(/=+$/, '').replaceAll('+', '-').replaceAll('/', '_'));
}

function readInstant(payload: JsonObject, key: string): Date | null {
  const seconds = readNumber(payload, key);
  const at = seconds === null ? null : fromUnixSeconds(seconds);
  return at === null || Number.isNaN(at.getTime()) ? null : at;
}
