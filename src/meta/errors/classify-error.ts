import { graphHostDescriptor, type TokenHostName } from '../graph/graph-host.ts';
import type { ErrorEnvelope } from './graph-error.ts';

/**
 * The 190 subcodes that prove a token dead (docs/meta-facts.md#code-190); `invalid` is debug_token's
 * `is_valid:false`.
 */
export type DeadReason =
  | 'app_removed'
  | 'checkpoint'
  | 'password_changed'
  | 'expired'
  | 'unconfirmed_user'
  | 'logged_out'
  | 'role_lost'
  | 'inactive_90_days'
  | 'invalid';

/** What to do about an error from Meta. A closed union: an unknown code never declares a token dead. */
export type MetaVerdict =
  /** Only a new login helps. Confirmed codes only. */
  | { kind: 'dead'; reason: DeadReason }
  /** Possibly dead: inspection decides. */
  | { kind: 'suspect' }
  /** Wait. Null: Meta gave no time. */
  | { kind: 'throttled'; scope: ThrottleScope; retryAfterSeconds: number | null }
  /** Try again later. */
  | { kind: 'transient' }
  /** Our app settings are wrong. Says nothing about any token. */
  | { kind: 'configuration'; what: ConfigurationFault }
  /**
   * An authorization code was refused. `undisclosed`: Instagram's envelope looks the same for a used or expired code,
   * another redirect_uri, and a wrong secret.
   */
  | { kind: 'code_rejected'; why: 'used' | 'expired' | 'redirect_mismatch' | 'malformed' | 'undisclosed' }
  | { kind: 'permission' }
  | { kind: 'parameter' }
  /** Blocked by policy: wait a long time and alert an operator. */
  | { kind: 'blocked' };

/** Whose limit it is. `pair`: one number writing to another. `object`: an object of unknown kind. */
export type ThrottleScope = 'app' | 'user' | 'page' | 'business' | 'phone_number' | 'pair' | 'object';
/** `not_configured` never comes from Meta: no app is configured for this host, so no call was made. */
export type ConfigurationFault =
  | 'secret'
  | 'app'
  | 'redirect_uri'
  | 'version'
  | 'app_blocked'
  | 'proof'
  | 'not_configured';

/**
 * The kind of call, because some codes change meaning with it:
 * `code_exchange` trades an authorization code for a token; `token_exchange` sends client_secret and a token;
 * `token_refresh` is ig_refresh_token or th_refresh_token (no secret); `app_call` is authenticated as the app
 * (debug_token, subscriptions, client_credentials); `client_business` is `/me?fields=client_business_id`;
 * `graph` is everything else with a token.
 */
export type CallContext =
  | 'code_exchange'
  | 'token_exchange'
  | 'token_refresh'
  | 'app_call'
  | 'client_business'
  | 'graph';

/** What is known about a failed call. `httpStatus` null: no response. `code` null: no error object in the response. */
export interface ErrorFacts {
  httpStatus: number | null;
  code?: number | null;
  subcode?: number | null;
  isTransient?: boolean | null;
  type?: string | null;
  envelope?: ErrorEnvelope | null;
  context?: CallContext;
  host?: TokenHostName;
  /** We sent a proof to a node that certainly exists, so a GraphMethodException 100 is about the proof. */
  hasAppsecretProof?: boolean;
  /** From `Retry-After`. */
  retryAfterSeconds?: number | null;
  /** From usage headers, which cover single objects. */
  regainAccessSeconds?: number | null;
}

const DEAD_SUBCODES: ReadonlyMap<number, DeadReason> = new Map<number, DeadReason>([
  [458, 'app_removed'],
  [459, 'checkpoint'],
  [460, 'password_changed'],
  [463, 'expired'],
  [464, 'unconfirmed_user'],
  [467, 'logged_out'],
  [490, 'checkpoint'],
  [492, 'role_lost'],
  [493, 'inactive_90_days'],
]);

const CODE_SUBCODES = new Map<number, 'used' | 'expired' | 'redirect_mismatch'>([
  [36009, 'used'],
  [36007, 'expired'],
  [36008, 'redirect_mismatch'],
]);

/** Limits by code (docs/meta-facts.md#rate-limits). 80000 to 80099 are business-use-case limits. */
const THROTTLE_CODES = new Map<number, ThrottleScope>([
  [4, 'app'],
  [17, 'user'],
  [32, 'page'],
  [341, 'app'],
  [613, 'object'],
  [130429, 'phone_number'],
  [131048, 'phone_number'],
  [131056, 'pair'],
  [133016, 'phone_number'],
]);

/** 17/2446079 is an ad account's limit, not the user's. */
const AD_ACCOUNT_LIMIT = 2446079;

/** Codes that mean the same in every context. */
const FIXED_VERDICTS = new Map<number, MetaVerdict>([
  [2, { kind: 'transient' }],
  [3, { kind: 'configuration', what: 'app' }],
  [12, { kind: 'configuration', what: 'version' }],
  [101, { kind: 'configuration', what: 'app' }],
  [102, { kind: 'suspect' }],
  [104, { kind: 'suspect' }],
  [191, { kind: 'configuration', what: 'redirect_uri' }],
  [368, { kind: 'blocked' }],
  [450, { kind: 'suspect' }],
  [452, { kind: 'suspect' }],
  [506, { kind: 'parameter' }],
  [803, { kind: 'parameter' }],
  [2635, { kind: 'configuration', what: 'version' }],
  [2900, { kind: 'parameter' }],
  [3962, { kind: 'permission' }],
  [36003, { kind: 'parameter' }],
  [131005, { kind: 'permission' }],
  [131026, { kind: 'parameter' }],
  [131030, { kind: 'parameter' }],
  [131031, { kind: 'blocked' }],
  [131042, { kind: 'parameter' }],
  [131047, { kind: 'parameter' }],
  // Registration errors: a retry only uses up tries, even on a 500 (docs/meta-facts.md#registering-phone-numbers).
  [133000, { kind: 'parameter' }],
  [133005, { kind: 'parameter' }],
  [133006, { kind: 'parameter' }],
  [133008, { kind: 'parameter' }],
  [133009, { kind: 'parameter' }],
  [133010, { kind: 'parameter' }],
  [133015, { kind: 'parameter' }],
  [1609005, { kind: 'parameter' }],
]);

/** Classifies by code, subcode, status and context, never by text, which is localized. Never throws. */
export function classifyError(given: ErrorFacts): MetaVerdict {
  // Meta also sends 0 for "no subcode".
  const facts: ErrorFacts = given.subcode === 0 ? { ...given, subcode: null } : given;
  if (facts.httpStatus === null) return { kind: 'transient' };
  if (facts.envelope === 'instagram') return classifyInstagramEnvelope(facts);
  const code = facts.code ?? null;
  if (code === null) return classifyByStatus(facts, facts.envelope == null);
  if (code === 190) return classifyTokenError(facts);
  if (code === 100) return classifyParameterError(facts);
  const scope = THROTTLE_CODES.get(code) ?? (code >= 80000 && code <= 80099 ? 'business' : undefined);
  if (scope !== undefined) return throttled(facts, facts.subcode === AD_ACCOUNT_LIMIT ? 'business' : scope);
  const fixed = FIXED_VERDICTS.get(code);
  if (fixed !== undefined) return fixed;
  if (code === 1) return classifyUnknownError(facts);
  if (code === 10 || (code >= 200 && code <= 299)) return classifyPermissionError(facts, code);
  if (code === 0) return (facts.httpStatus ?? 0) >= 500 ? { kind: 'transient' } : { kind: 'suspect' };
  if (code === 2500) return { kind: facts.type == null || facts.type === 'OAuthException' ? 'suspect' : 'parameter' };
  // Temporary despite `is_transient: false` (docs/meta-facts.md#errors).
  if (code === 9004 && facts.subcode === 2207052) return { kind: 'transient' };
  return facts.isTransient === true ? { kind: 'transient' } : classifyByStatus(facts, false);
}

/** Turns a verdict found alongside `is_valid:false` into `dead`, unless it is not about the token. */
export function classifyInvalidToken(verdict: MetaVerdict | null): MetaVerdict {
  if (verdict === null || verdict.kind === 'suspect' || verdict.kind === 'parameter' || verdict.kind === 'permission') {
    return { kind: 'dead', reason: 'invalid' };
  }
  return verdict;
}

/**
 * Classifies 190. For the app's own token it is about our secret; with `client_business_id` it is no verdict
 * (docs/meta-facts.md#business-integration-system-users).
 */
function classifyTokenError(facts: ErrorFacts): MetaVerdict {
  if (facts.context === 'app_call') return { kind: 'configuration', what: 'secret' };
  if (facts.context === 'client_business') return { kind: 'parameter' };
  if (facts.context === 'code_exchange') return { kind: 'code_rejected', why: 'malformed' };
  const reason = facts.subcode == null ? undefined : DEAD_SUBCODES.get(facts.subcode);
  return reason === undefined ? { kind: 'suspect' } : { kind: 'dead', reason };
}

/**
 * Classifies 100: bad codes, bad proofs, and, on graph.instagram.com, a wrong secret
 * (docs/meta-facts.md#code-exchange).
 */
function classifyParameterError(facts: ErrorFacts): MetaVerdict {
  const why = facts.subcode == null ? undefined : CODE_SUBCODES.get(facts.subcode);
  if (why !== undefined) return { kind: 'code_rejected', why };
  if (facts.subcode != null) return { kind: 'parameter' };
  if (facts.context === 'code_exchange') return { kind: 'code_rejected', why: 'malformed' };
  if (facts.context === 'token_exchange' && reportsWrongSecretAsParameter(facts))
    return { kind: 'configuration', what: 'secret' };
  if (facts.hasAppsecretProof === true && facts.type === 'GraphMethodException') {
    return { kind: 'configuration', what: 'proof' };
  }
  return { kind: 'parameter' };
}

function reportsWrongSecretAsParameter({ host }: ErrorFacts): boolean {
  return host !== undefined && graphHostDescriptor(host).reportsWrongSecretAsParameter;
}

/**
 * Classifies 1, which means "unknown, often temporary" but also "Error validating client secret"
 * (docs/meta-facts.md#errors). It is taken for the secret if the call carried it and got a 4xx with neither a
 * subcode nor `is_transient`. A configuration verdict ends no connection, so a mistake costs a wrong hint, not a token.
 */
function classifyUnknownError(facts: ErrorFacts): MetaVerdict {
  const hasSecret =
    facts.context === 'code_exchange' || facts.context === 'token_exchange' || facts.context === 'app_call';
  const refused = (facts.httpStatus ?? 500) < 500 && facts.isTransient !== true && facts.subcode == null;
  return hasSecret && refused ? { kind: 'configuration', what: 'secret' } : { kind: 'transient' };
}

/** 200 without a user's permission involved is Meta's "API access blocked" (docs/meta-facts.md#errors). */
function classifyPermissionError(facts: ErrorFacts, code: number): MetaVerdict {
  const asApp = facts.context === 'code_exchange' || facts.context === 'app_call';
  return asApp && code === 200 ? { kind: 'configuration', what: 'app_blocked' } : { kind: 'permission' };
}

/**
 * Classifies `{error_type, code, error_message}`, where `code` is the HTTP status and only the text would say more
 * (docs/meta-facts.md#instagram-login).
 */
function classifyInstagramEnvelope(facts: ErrorFacts): MetaVerdict {
  const status = facts.code ?? facts.httpStatus ?? 500;
  if (status === 429) return throttled(facts, 'app');
  if (status >= 500) return { kind: 'transient' };
  return facts.context === 'code_exchange' ? { kind: 'code_rejected', why: 'undisclosed' } : { kind: 'parameter' };
}

/** Classifies by status if the code is unknown. Foreign bodies (HTML, text) come from gateways: transient. */
function classifyByStatus(facts: ErrorFacts, isForeignBody: boolean): MetaVerdict {
  const status = facts.httpStatus ?? 500;
  if (status === 429) return throttled(facts, facts.context === 'graph' ? 'object' : 'app');
  if (isForeignBody || status >= 500 || facts.isTransient === true) return { kind: 'transient' };
  if (status === 401) return { kind: 'suspect' };
  return { kind: status === 403 ? 'permission' : 'parameter' };
}

/** Ignores Meta's estimate for an object if the limit is the app's own. */
function throttled(facts: ErrorFacts, scope: ThrottleScope): MetaVerdict {
  const retryAfterSeconds = facts.retryAfterSeconds ?? null;
  if (scope === 'app') return { kind: 'throttled', scope, retryAfterSeconds };
  const longest = Math.max(retryAfterSeconds ?? 0, facts.regainAccessSeconds ?? 0);
  return { kind: 'throttled', scope, retryAfterSeconds: longest > 0 ? longest : null };
}
