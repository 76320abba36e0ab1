import type { Health } from './credential-kind.ts';
import type { CredentialSnapshot } from './credential-snapshot.ts';

/** What a good inspection says. Undefined: the host does not say it, what is known stays. */
export interface InspectedCredential {
  health: Health;
  scopes?: string[];
  /** Those that the product needs and the token lacks. Undefined: not known. */
  missingScopes?: string[];
  issuedAt?: Date | null;
  expiresAt?: Date | null;
  /** When it is refreshed by the end that was reported; counts where that end is news, or where no refresh was planned. */
  refreshAfter?: Date | null;
  /** Of the connection, as its root token says. */
  dataAccessExpiresAt?: Date | null;
  /** Instagram: the user's id for our app. */
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
