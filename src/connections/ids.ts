import type { Id } from '../platform/ids.ts';

export type ConnectionId = Id<'con'>;
export type CredentialId = Id<'crd'>;
export type PendingAuthorizationId = Id<'int'>;
/** Names one claim of a worker on rows; rows of several tables have one. */
export type ClaimId = Id<'clm'>;
