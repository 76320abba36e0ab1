import type { SealContext } from '../../vault/sealed-secret.ts';
import type { ConnectionId, CredentialId, PendingAuthorizationId } from '../ids.ts';
import type { CredentialKind } from './credential-kind.ts';

/** Binds a credential's sealed token to its row, tenant, and version: moved elsewhere, it can't be opened. */
export function credentialContext(of: {
  tenant: string;
  connectionId: ConnectionId;
  credentialId: CredentialId;
  kind: CredentialKind;
  version: number;
}): SealContext {
  return ['credential', of.tenant, of.connectionId, of.credentialId, of.kind, String(of.version)];
}

/**
 * Binds a pending authorization's token. `stage` acts as its version, so that a short-lived token can't pass for the
 * long-lived one.
 */
export function pendingAuthorizationContext(of: {
  tenant: string;
  pendingAuthorizationId: PendingAuthorizationId;
  stage: string;
}): SealContext {
  return ['intake', of.tenant, of.pendingAuthorizationId, of.stage];
}
