import { TOKEN_KINDS } from '../../config/products.ts';
import { DAY_SECONDS } from '../../platform/duration.ts';
import type { CredentialKind } from './credential-kind.ts';

/** Rules that the credential store follows. A test compares them with Meta's facts in `meta/tokens/token-kinds.ts`. */
export interface CredentialKindRules {
  /** Read again through its user's token after that is refreshed; never refreshed by itself. */
  readonly isDerived: boolean;
  readonly derivesPageTokens: boolean;
  /** An unknown expiry does not mean "never", so it is refreshed anyway. */
  readonly alwaysExpires: boolean;
  readonly minRefreshAgeSeconds: number;
  /** Whether Meta has a call to revoke the grant. */
  readonly isRevocable: boolean;
  /** Whether Meta generates further tokens for the same subject, so that this one can be revoked alone. */
  readonly isRotatable: boolean;
}

const ON_FACEBOOK = {
  isDerived: false,
  derivesPageTokens: false,
  alwaysExpires: false,
  minRefreshAgeSeconds: 0,
  isRevocable: true,
  isRotatable: false,
};
const OWN_LOGIN = { ...ON_FACEBOOK, alwaysExpires: true, minRefreshAgeSeconds: DAY_SECONDS, isRevocable: false };

const RULES: Readonly<Record<CredentialKind, CredentialKindRules>> = {
  user: { ...ON_FACEBOOK, derivesPageTokens: true },
  page: { ...ON_FACEBOOK, isDerived: true, isRevocable: false },
  system_user: { ...ON_FACEBOOK, derivesPageTokens: true, isRotatable: true },
  instagram_user: OWN_LOGIN,
  threads_user: OWN_LOGIN,
};

/** Kinds with `isRotatable`. */
export const ROTATABLE_KINDS: readonly CredentialKind[] = TOKEN_KINDS.filter((kind) => RULES[kind].isRotatable);

/** Throws for unknown kinds, such as those stored by another release. */
export function credentialKindRules(kind: CredentialKind): CredentialKindRules {
  if (Object.hasOwn(RULES, kind)) return RULES[kind];
  throw new Error(
    `${JSON.stringify(kind)} is not a credential kind known to this release (${TOKEN_KINDS.join(', ')}).`,
  );
}
