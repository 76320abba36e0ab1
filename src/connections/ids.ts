import type { Id } from '../platform/ids.ts';

export type ConnectionId = Id<'con'>;
export type CredentialId = Id<'crd'>;
export type PendingAuthorizationId = Id<'int'>;
/** Identifies a worker's claim on rows, in several tables. */
export type ClaimId = Id<'clm'>;
