import { TOKEN_KINDS } from '../../config/products.ts';
import { DAY_SECONDS } from '../../platform/duration.ts';
import type { CredentialKind } from './credential-kind.ts';

/** What the store of credentials goes by. A test holds it against the facts of Meta in `meta/tokens/token-kinds.ts`. */
export interface CredentialKindRules {
  /** Read again with its user's token, after that was refreshed; never refreshed by itself. */
  readonly isDerived: boolean;
  readonly derivesPageTokens: boolean;
  /** An expiry that is not known is not "never": it is refreshed all the same. */
  readonly alwaysExpires: boolean;
  readonly minRefreshAgeSeconds: number;
  /** Whether Meta has a call that takes the grant away. */
  readonly isRevocable: boolean;
  /** Whether Meta generates another token of the same subject, after which this one can be revoked alone. */
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

/** The kinds that `isRotatable` holds for. */
export const ROTATABLE_KINDS: readonly CredentialKind[] = TOKEN_KINDS.filter((kind) => RULES[kind].isRotatable);

/** Throws for a kind that is not in the table, such as one that another release stored. */
export function credentialKindRules(kind: CredentialKind): CredentialKindRules {
  if (Object.hasOwn(RULES, kind)) return RULES[kind];
  throw new Error(
    `${JSON.stringify(kind)} is no kind of credential that this release knows (${TOKEN_KINDS.join(', ')}).`,
  );
}
