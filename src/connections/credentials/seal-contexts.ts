import type { SealContext } from '../../vault/sealed-secret.ts';
import type { ConnectionId, CredentialId, PendingAuthorizationId } from '../ids.ts';
import type { CredentialKind } from './credential-kind.ts';

/** What a credential's token is bound to: a sealed token that is moved to another row, tenant or version does not open. */
export function credentialContext(of: {
  tenant: string;
  connectionId: ConnectionId;
  credentialId: CredentialId;
  kind: CredentialKind;
  version: number;
}): SealContext {
  return ['credential', of.tenant, of.connectionId, of.credentialId, of.kind, String(of.version)];
}

/** What the token of a pending authorization is bound to. `stage` is its version, so a short-lived token never passes for the long-lived one. */
export function pendingAuthorizationContext(of: {
  tenant: string;
  pendingAuthorizationId: PendingAuthorizationId;
  stage: string;
}): SealContext {
  return ['intake', of.tenant, of.pendingAuthorizationId, of.stage];
}
