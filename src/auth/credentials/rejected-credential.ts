import type { ClientId } from '../ids.ts';
/** Why a key or token was rejected. Not disclosed to clients, which always get 401 `unauthenticated`. */
export type CredentialRejectionReason =
  | 'malformed_key'
  | 'unknown_key'
  | 'expired_key'
  | 'invalid_token'
  | 'expired_token'
  | 'unknown_issuer'
  | 'unknown_identity'
  | 'role_without_console'
  | 'unknown_link'
  | 'used_link'
  | 'expired_link';

/** A rejected key or token, as metrics and the audit record see it. */
export class RejectedCredential {
  constructor(
    readonly reason: CredentialRejectionReason,
    /** The client it belongs to, if known. */
    readonly clientId: ClientId | null = null,
    /** Issuer and subject of a verified token; tells operators which identity to configure. */
    readonly details: Record<string, string> = {},
  ) {}
}
