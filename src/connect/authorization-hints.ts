import type { TokenKind } from '../config/products.ts';
import type { ExpectedAccount } from './connect-session.ts';

/** What the session message of Embedded Signup says (META.md 8). Claims of a browser or client, until a call with the token confirms them. */
export interface SignupMessage {
  /** Meta's word for how it ended, such as `FINISH` or `FINISH_WHATSAPP_BUSINESS_APP_ONBOARDING`. */
  event?: string;
  wabaId?: string;
  phoneNumberId?: string;
  businessId?: string;
}

/** What is known about a pending authorization besides its token. Stored in a plain column: never a token, code or state. */
export interface AuthorizationHints extends SignupMessage {
  /** Which feature of Embedded Signup the session asked for. */
  featureType?: string;
  /** The only account that may come of it; absent: any. */
  expected?: ExpectedAccount;
  /** What the dialog asked for; empty where a login configuration decides, or no dialog was ours. */
  requestedScopes: string[];
  /** As the token response reported it; null where it did not. */
  grantedScopes: string[] | null;
  /** Where the token is of a known kind before its inspection. */
  kind: TokenKind | null;
  /** A client handed the token in and still has it, so a failure here loses nothing. */
  isGiven: boolean;
}

/** As a plain object for the column. */
export function writeHints(hints: AuthorizationHints): Record<string, unknown> {
  return { ...hints };
}

/** From the column, written by `writeHints` of this or an earlier release. */
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
