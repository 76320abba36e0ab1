import type { TokenKind } from '../config/products.ts';
import type { BroughtDescription } from '../connections/description/description.ts';
import type { ExpectedAccount } from './connect-session.ts';

/**
 * Embedded Signup's session message (docs/meta-facts.md#embedded-signup). Claims, until a call with the token confirms
 * them.
 */
export interface SignupMessage {
  /** How the signup ended, in Meta's words, such as `FINISH` or `FINISH_WHATSAPP_BUSINESS_APP_ONBOARDING`. */
  event?: string;
  wabaId?: string;
  phoneNumberId?: string;
  businessId?: string;
}

/** What a pending authorization carries besides its token. Stored in plaintext: never a token, code or state. */
export interface AuthorizationHints extends SignupMessage {
  /** The Embedded Signup feature that the session asked for. */
  featureType?: string;
  /** The Meta app that issued the token. Absent: the environment's. */
  appId?: string;
  /** The only account that may be connected; absent: any. */
  expected?: ExpectedAccount;
  /** For the connection, as given in the session or the request. */
  description?: BroughtDescription;
  /** Scopes the dialog asked for; empty if a login configuration decides, or if the dialog wasn't ours. */
  requestedScopes: string[];
  /** As the token response reported them; null if it didn't. */
  grantedScopes: string[] | null;
  /** Set if the token's kind is known before its inspection. */
  kind: TokenKind | null;
  /** The client supplied the token and still has it, so a failure here loses nothing. */
  isGiven: boolean;
}

/** Plain object for the column. */
export function writeHints(hints: AuthorizationHints): Record<string, unknown> {
  return { ...hints };
}

/** Reads the column as `writeHints` of this or an earlier release wrote it. */
export function readHints(stored: Record<string, unknown>): AuthorizationHints {
  const hints = stored as Partial<AuthorizationHints>;
  return {
    ...hints,
    requestedScopes: hints.requestedScopes ?? [],
    grantedScopes: hints.grantedScopes ?? null,
    kind: hints.kind ?? null,
    isGiven: hints.isGiven ?? false,
  };
}
