import type { ConfigurationFault } from '../../meta/errors/classify-error.ts';
import type { MetaError } from '../../meta/errors/meta-error.ts';
import type { MetaCause } from '../../platform/problem.ts';
import type { CallNotPermittedError } from '../rate-limit/app-rate-limiter.ts';
import type { RetryClass } from './next-attempt.ts';

/** Why a token that Meta gave in a refresh was not taken. */
export type RefreshRejectionCode =
  | 'renewal_other_app'
  | 'renewal_other_user'
  | 'renewal_invalid'
  | 'renewal_no_longer_life'
  | 'renewal_fewer_scopes';

type AttemptFailureCode =
  | RefreshRejectionCode
  | 'meta_unavailable'
  | 'meta_throttled'
  | 'meta_configuration'
  | 'meta_permission'
  | 'meta_blocked'
  | 'meta_refused'
  | 'token_doubted'
  | 'page_token_lost'
  | 'too_young'
  | 'check_failed'
  | 'circuit_open'
  | 'seal_broken'
  | 'internal_error';

/** Why work on a credential failed, in our words (never Meta's text), and how soon it is worth another try. */
export interface AttemptFailure {
  code: AttemptFailureCode;
  detail: string;
  retryClass: RetryClass;
  retryAfterSeconds: number | null;
  meta?: MetaCause;
}

const CONFIGURATION_DETAILS: Readonly<Record<ConfigurationFault, string>> = {
  secret: "Meta refuses our app's secret: compare META_APP_SECRET (or Instagram's, Threads') with the app dashboard.",
  app: "Meta does not know our app, or it may not do this: check the app's id, mode and products in the app dashboard.",
  redirect_uri: 'Meta refuses the redirect URI: add it to the Valid OAuth Redirect URIs of the app.',
  version: 'Meta no longer serves this API version: raise META_GRAPH_API_VERSION.',
  app_blocked: 'Meta has blocked our app: look for notices in the app dashboard.',
  proof: 'Meta refuses our appsecret_proof: check META_APP_SECRET.',
};

/** A failure that is no verdict on the token: whatever is neither `dead` nor to be told by inspection (`suspect`). */
export function toAttemptFailure(error: MetaError): AttemptFailure {
  const meta = Object.keys(error.cause).length === 0 ? {} : { meta: error.cause };
  const { verdict } = error;
  switch (verdict.kind) {
    case 'transient':
      return {
        code: 'meta_unavailable',
        detail: error.httpStatus === null ? 'Meta did not answer.' : 'Meta had a passing fault.',
        retryClass: 'soon',
        retryAfterSeconds: null,
        ...meta,
      };
    case 'throttled':
      return {
        code: 'meta_throttled',
        detail: 'Meta limits the calls of our app at the moment.',
        retryClass: 'soon',
        retryAfterSeconds: verdict.retryAfterSeconds ?? 60,
        ...meta,
      };
    case 'configuration':
      return failLater('meta_configuration', CONFIGURATION_DETAILS[verdict.what], meta);
    case 'permission':
      return failLater('meta_permission', 'Meta says that a permission for this is missing.', meta);
    case 'blocked':
      return failLater('meta_blocked', 'Meta blocks this by policy for some time.', meta);
    case 'suspect':
    case 'dead':
      return failLater('token_doubted', 'Meta refuses the token for this, but inspection finds it valid.', meta);
    case 'parameter':
    case 'code_rejected':
      return failLater('meta_refused', 'Meta refuses the request for this token.', meta);
  }
}

export function failLater(code: AttemptFailureCode, detail: string, extra: { meta?: MetaCause } = {}): AttemptFailure {
  return { code, detail, retryClass: 'later', retryAfterSeconds: null, ...extra };
}

/** Shown where a user asked and Meta may not be asked: no attempt was made. */
export function circuitOpenFailure({ reason }: CallNotPermittedError): AttemptFailure {
  const detail =
    reason === 'unavailable'
      ? 'Meta is down at the moment, so it was not asked.'
      : 'Meta limits the calls of our app at the moment, so it was not asked.';
  return { code: 'circuit_open', detail, retryClass: 'soon', retryAfterSeconds: null };
}

export const DECRYPTION_FAILED: AttemptFailure = failLater(
  'seal_broken',
  'The stored token does not open: it was changed, moved, or is under another key. Restore it from a backup, or connect again.',
);
