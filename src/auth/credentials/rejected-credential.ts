import type { ClientId } from '../ids.ts';
/** Why a key or token proves nothing. Clients don't learn it: they get 401 `unauthenticated` for each. */
export type CredentialRejectionReason =
  | 'malformed_key'
  | 'unknown_key'
  | 'expired_key'
  | 'invalid_token'
  | 'expired_token'
  | 'unknown_issuer'
  | 'unknown_identity';

/** A key or token that proves nothing, in words for counters and the audit record. */
export class RejectedCredential {
  constructor(
    readonly reason: CredentialRejectionReason,
    /** Whose it was, where that is proven. */
    readonly clientId: ClientId | null = null,
    /** Of a token that is proven: issuer and subject, so that operators see what they would have to write down. */
    readonly details: Record<string, string> = {},
  ) {}
}
