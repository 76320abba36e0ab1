import type { TokenKind } from '../../config/products.ts';
import type { CredentialFailureCode } from '../../connections/status/status-reason.ts';
import type { ConfigurationFault } from '../../meta/errors/classify-error.ts';
import type { MetaError } from '../../meta/errors/meta-error.ts';
import { graphHostDescriptor } from '../../meta/graph/graph-host.ts';
import { tokenKind } from '../../meta/tokens/token-kinds.ts';
import type { MetaCause } from '../../platform/problem.ts';
import type { CallNotPermittedError } from '../rate-limit/app-rate-limiter.ts';
import { FAILURES } from './failure-codes.ts';
import type { RetryClass } from './next-attempt.ts';

/** Why work on a credential failed, by our codes (never Meta's text), and when to retry. */
export interface AttemptFailure {
  code: CredentialFailureCode;
  detail: string;
  retryClass: RetryClass;
  retryAfterSeconds: number | null;
  meta?: MetaCause;
}

const CONFIGURATION_DETAILS: Readonly<Record<ConfigurationFault, string>> = {
  secret:
    "Meta rejects our app's secret: compare META_APP_SECRET (or that of Instagram or Threads) with the app dashboard.",
  app: "Meta does not know our app or does not allow this: check the app's id, mode and products in the app dashboard.",
  redirect_uri: 'Meta rejects the redirect URI: add it to the Valid OAuth Redirect URIs of the app.',
  version: 'Meta no longer serves this API version: raise META_GRAPH_API_VERSION.',
  app_blocked: 'Meta has blocked our app: check the app dashboard for notices.',
  proof: 'Meta rejects our appsecret_proof: check META_APP_SECRET.',
  not_configured: 'No app is configured for this login, so Meta was not called.',
};

/** Converts errors that say nothing about the token. Inspection decides on `dead` and `suspect`. */
export function toAttemptFailure(error: MetaError): AttemptFailure {
  const meta = Object.keys(error.cause).length === 0 ? {} : { meta: error.cause };
  const { verdict } = error;
  switch (verdict.kind) {
    case 'transient':
      return {
        code: 'meta_unavailable',
        detail: error.httpStatus === null ? 'Meta did not respond.' : 'Meta reported a temporary error.',
        retryClass: 'soon',
        retryAfterSeconds: null,
        ...meta,
      };
    case 'throttled': {
      const code = verdict.scope === 'app' ? 'meta_throttled' : 'throttled';
      return {
        code,
        detail: FAILURES[code].detail,
        retryClass: 'soon',
        retryAfterSeconds: verdict.retryAfterSeconds ?? 60,
        ...meta,
      };
    }
    case 'configuration':
      return failLater('meta_configuration', CONFIGURATION_DETAILS[verdict.what], meta);
    case 'permission':
      return failLater('meta_permission', FAILURES.meta_permission.detail, meta);
    case 'blocked':
      return failLater('meta_blocked', FAILURES.meta_blocked.detail, meta);
    case 'suspect':
    case 'dead':
      return failLater('token_doubted', FAILURES.token_doubted.detail, meta);
    case 'parameter':
    case 'code_rejected':
      return failLater('meta_refused', FAILURES.meta_refused.detail, meta);
  }
}

export function failLater(
  code: CredentialFailureCode,
  detail: string,
  extra: { meta?: MetaCause } = {},
): AttemptFailure {
  return { code, detail, retryClass: 'later', retryAfterSeconds: null, ...extra };
}

const APP_REFUSED = 'Meta rejects the app or its secret, so it was not called. The token itself stays valid.';

/** For a call that was not made because of a limit or an outage. Retry no earlier than the error's `until`. */
export function circuitOpenFailure({ reason }: CallNotPermittedError): AttemptFailure {
  if (reason === 'object_throttled')
    return { code: 'throttled', detail: FAILURES.throttled.detail, retryClass: 'soon', retryAfterSeconds: null };
  if (reason === 'app_refused')
    return { code: 'meta_configuration', detail: APP_REFUSED, retryClass: 'soon', retryAfterSeconds: null };
  const detail =
    reason === 'unavailable'
      ? 'Meta is down, so it was not called.'
      : 'Our app is at a rate limit, so Meta was not called.';
  return { code: 'circuit_open', detail, retryClass: 'soon', retryAfterSeconds: null };
}

/** For a token whose app is not configured. The credentials of another app are never tried on it. */
export function appNotConfiguredFailure({ appId, kind }: { appId: string; kind: TokenKind }): AttemptFailure {
  const { id, secret } = graphHostDescriptor(tokenKind(kind).host).appSettings;
  const detail =
    `The token belongs to app ${appId}, which is not configured as ${id} with ${secret}: it is neither refreshed nor ` +
    'inspected.';
  return failLater('app_not_configured', detail);
}

export const DECRYPTION_FAILED: AttemptFailure = failLater(
  'seal_broken',
  `${FAILURES.seal_broken.detail} ${FAILURES.seal_broken.remedy}`,
);
