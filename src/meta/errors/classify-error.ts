import { graphHostDescriptor, type TokenHostName } from '../graph/graph-host.ts';
import type { ErrorEnvelope } from './graph-error.ts';

/** The 190 subcodes that CONTRACT 6.1 accepts as confirmed, by name (META.md 12.2); `invalid` is debug_token's `is_valid:false`. */
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

/** What an error of Meta means for what we do next. Closed: an unknown code never means that a token is dead. */
export type MetaVerdict =
  /** Only the user can help. Only for confirmed codes. */
  | { kind: 'dead'; reason: DeadReason }
  /** Perhaps dead: inspection decides. */
  | { kind: 'suspect' }
  /** Wait. Null: Meta gave no time. */
  | { kind: 'throttled'; scope: ThrottleScope; retryAfterSeconds: number | null }
  /** Try again later. */
  | { kind: 'transient' }
  /** Our app's settings are wrong; no token is to blame. */
  | { kind: 'configuration'; what: ConfigurationFault }
  /** An authorization code was refused. `undisclosed`: Instagram's envelope, which gives one shape for used, expired, another redirect_uri and a wrong secret. */
  | { kind: 'code_rejected'; why: 'used' | 'expired' | 'redirect_mismatch' | 'malformed' | 'undisclosed' }
  | { kind: 'permission' }
  | { kind: 'parameter' }
  /** Blocked by policy: wait long, and have somebody look at it. */
  | { kind: 'blocked' };

/** Whose limit it is. `pair`: one number writing to one other. `object`: of some object that Meta does not name by kind. */
export type ThrottleScope = 'app' | 'user' | 'page' | 'business' | 'phone_number' | 'pair' | 'object';
/** `not_configured`: never Meta's verdict. The settings name no app for this host, so Meta was not asked. */
export type ConfigurationFault =
  | 'secret'
  | 'app'
  | 'redirect_uri'
  | 'version'
  | 'app_blocked'
  | 'proof'
  | 'not_configured';

/**
 * What the call was, because some codes mean different things by place:
 * `code_exchange` authorization code for token; `token_exchange` a call that carries client_secret and a token;
 * `token_refresh` ig_refresh_token, th_refresh_token (no secret); `app_call` authenticated as the app (debug_token,
 * subscriptions, client_credentials); `client_business` `/me?fields=client_business_id`; `graph` everything else with a token.
 */
export type CallContext =
  | 'code_exchange'
  | 'token_exchange'
  | 'token_refresh'
  | 'app_call'
  | 'client_business'
  | 'graph';

/** The facts of a failed call. `httpStatus` null: no response. `code` null: no error object in it. */
export interface ErrorFacts {
  httpStatus: number | null;
  code?: number | null;
  subcode?: number | null;
  isTransient?: boolean | null;
  type?: string | null;
  envelope?: ErrorEnvelope | null;
  context?: CallContext;
  host?: TokenHostName;
  /** We made the call, to a node that exists for sure, and sent a proof: a GraphMethodException 100 is then about the proof. */
  hasAppsecretProof?: boolean;
  /** From `Retry-After`. */
  retryAfterSeconds?: number | null;
  /** From the usage headers, which speak of single objects. */
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

/** Limits by code (META.md 12.1, 12.4); 80000 to 80099 are the business-use-case limits besides. */
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

/** 17/2446079: the limit of an ad account, not of the user. */
const AD_ACCOUNT_LIMIT = 2446079;

/** Codes with one meaning everywhere. */
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
  // Registering a number: a repeat by itself would only use up tries, also where Meta answers 500 (META.md 8, 12.4).
  [133000, { kind: 'parameter' }],
  [133005, { kind: 'parameter' }],
  [133006, { kind: 'parameter' }],
  [133008, { kind: 'parameter' }],
  [133009, { kind: 'parameter' }],
  [133010, { kind: 'parameter' }],
  [133015, { kind: 'parameter' }],
  [1609005, { kind: 'parameter' }],
]);

/** By code, subcode, status and place; never by text, which is localised (META.md 19.12). Never throws. */
export function classifyError(given: ErrorFacts): MetaVerdict {
  // Meta also writes "no subcode" as 0.
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
  // "is_transient: false" and yet temporary (META.md 19.13).
  if (code === 9004 && facts.subcode === 2207052) return { kind: 'transient' };
  return facts.isTransient === true ? { kind: 'transient' } : classifyByStatus(facts, false);
}

/** Whether a verdict of debug_token with `is_valid:false` may stand as dead; anything that is not about the token may not. */
export function classifyInvalidToken(verdict: MetaVerdict | null): MetaVerdict {
  if (verdict === null || verdict.kind === 'suspect' || verdict.kind === 'parameter' || verdict.kind === 'permission') {
    return { kind: 'dead', reason: 'invalid' };
  }
  return verdict;
}

/** 190. For the app's own token it is about our secret; with `client_business_id` it is no verdict at all (META.md 6). */
function classifyTokenError(facts: ErrorFacts): MetaVerdict {
  if (facts.context === 'app_call') return { kind: 'configuration', what: 'secret' };
  if (facts.context === 'client_business') return { kind: 'parameter' };
  if (facts.context === 'code_exchange') return { kind: 'code_rejected', why: 'malformed' };
  const reason = facts.subcode == null ? undefined : DEAD_SUBCODES.get(facts.subcode);
  return reason === undefined ? { kind: 'suspect' } : { kind: 'dead', reason };
}

/** 100: bad codes, proofs, and on graph.instagram.com a wrong client secret (META.md 2, 7, 11). */
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
 * 1 is "unknown, often temporary", and also "Error validating client secret" (META.md 2, 12.1). Told apart by the place:
 * where the call carried the app's secret, got a 4xx, and neither a subcode nor `is_transient` says otherwise, it is
 * the secret. A configuration verdict ends no connection, so a mistake here costs a wrong hint, not a token.
 */
function classifyUnknownError(facts: ErrorFacts): MetaVerdict {
  const hasSecret =
    facts.context === 'code_exchange' || facts.context === 'token_exchange' || facts.context === 'app_call';
  const refused = (facts.httpStatus ?? 500) < 500 && facts.isTransient !== true && facts.subcode == null;
  return hasSecret && refused ? { kind: 'configuration', what: 'secret' } : { kind: 'transient' };
}

/** 200 where no user's permission is involved is Meta's "API access blocked" (META.md 12.1). */
function classifyPermissionError(facts: ErrorFacts, code: number): MetaVerdict {
  const asApp = facts.context === 'code_exchange' || facts.context === 'app_call';
  return asApp && code === 200 ? { kind: 'configuration', what: 'app_blocked' } : { kind: 'permission' };
}

/** `{error_type, code, error_message}`: `code` is the HTTP status here, and only the text would say more (META.md 7). */
function classifyInstagramEnvelope(facts: ErrorFacts): MetaVerdict {
  const status = facts.code ?? facts.httpStatus ?? 500;
  if (status === 429) return throttled(facts, 'app');
  if (status >= 500) return { kind: 'transient' };
  return facts.context === 'code_exchange' ? { kind: 'code_rejected', why: 'undisclosed' } : { kind: 'parameter' };
}

/** Without a known code the status decides. Bodies that are not Meta's (HTML, text) are passing faults: transient. */
function classifyByStatus(facts: ErrorFacts, isForeignBody: boolean): MetaVerdict {
  const status = facts.httpStatus ?? 500;
  if (status === 429) return throttled(facts, facts.context === 'graph' ? 'object' : 'app');
  if (isForeignBody || status >= 500 || facts.isTransient === true) return { kind: 'transient' };
  if (status === 401) return { kind: 'suspect' };
  return { kind: status === 403 ? 'permission' : 'parameter' };
}

/** Meta's estimate for an object says nothing about the app's own limit. */
function throttled(facts: ErrorFacts, scope: ThrottleScope): MetaVerdict {
  const retryAfterSeconds = facts.retryAfterSeconds ?? null;
  if (scope === 'app') return { kind: 'throttled', scope, retryAfterSeconds };
  const longest = Math.max(retryAfterSeconds ?? 0, facts.regainAccessSeconds ?? 0);
  return { kind: 'throttled', scope, retryAfterSeconds: longest > 0 ? longest : null };
}
