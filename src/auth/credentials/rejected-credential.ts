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

/** A rejected key or token, for counters and the audit record. */
export class RejectedCredential {
  constructor(
    readonly reason: CredentialRejectionReason,
    /** The client it belongs to, if that is known. */
    readonly clientId: ClientId | null = null,
    /** Issuer and subject of a verified token, so that operators see which identity to configure. */
    readonly details: Record<string, string> = {},
  ) {}
}
