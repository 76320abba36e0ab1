import type { Health } from './credential-kind.ts';
import type { CredentialSnapshot } from './credential-snapshot.ts';

/** What a successful inspection found. Undefined: not reported by the host, so the known value stays. */
export interface InspectedCredential {
  health: Health;
  scopes?: string[];
  /** Scopes the product needs and the token lacks. Undefined: unknown. */
  missingScopes?: string[];
  issuedAt?: Date | null;
  expiresAt?: Date | null;
  /** When to refresh given the reported expiry. Applies if that expiry is new or no refresh was planned. */
  refreshAfter?: Date | null;
  /** Of the connection, according to its root token. */
  dataAccessExpiresAt?: Date | null;
  /** Instagram: the user's app-scoped id. */
  appScopedUserId?: string;
}

/** What an inspection changes. */
export interface InspectionChanges {
  expiresAt: Date | null;
  hasExpiryChanged: boolean;
  scopes: string[];
  lostScopes: string[];
  hasGainedScopes: boolean;
  hasDataAccessChanged: boolean;
}

export function compareInspection(credential: CredentialSnapshot, known: InspectedCredential): InspectionChanges {
  const expiresAt = known.expiresAt === undefined ? credential.expiresAt : known.expiresAt;
  const scopes = known.scopes ?? credential.scopes;
  const dataAccess = known.dataAccessExpiresAt;
  return {
    expiresAt,
    hasExpiryChanged: !isSameInstant(expiresAt, credential.expiresAt),
    scopes,
    lostScopes: credential.scopes.filter((scope) => !scopes.includes(scope)),
    hasGainedScopes: scopes.some((scope) => !credential.scopes.includes(scope)),
    hasDataAccessChanged:
      credential.isRoot && dataAccess !== undefined && !isSameInstant(dataAccess, credential.dataAccessExpiresAt),
  };
}

function isSameInstant(a: Date | null, b: Date | null): boolean {
  return a?.getTime() === b?.getTime();
}
