import type { MetaError } from '../../meta/errors/meta-error.ts';
import { type AttemptFailure, failLater, toAttemptFailure } from '../failures/attempt-failure.ts';
import { FAILURES } from '../failures/failure-codes.ts';

/** A business can require two-factor authentication for generating tokens. */
const TWO_FACTOR_REQUIRED = 415;

/**
 * Converts Meta's error to a failure: a specific one if Meta refused, the usual one for temporary errors, limits and
 * app settings.
 */
export function toRotationFailure(error: MetaError): AttemptFailure {
  const meta = Object.keys(error.cause).length === 0 ? {} : { meta: error.cause };
  switch (error.verdict.kind) {
    case 'transient':
      return error.mayHaveCommitted ? failLater('meta_unavailable', UNANSWERED, meta) : toAttemptFailure(error);
    case 'permission':
      return failLater('rotation_refused', NOT_ALLOWED, meta);
    case 'parameter':
    case 'code_rejected':
      return failLater('rotation_refused', error.cause.code === TWO_FACTOR_REQUIRED ? TWO_FACTOR : NOT_LIKE_THIS, meta);
    case 'blocked':
      return failLater('rotation_refused', BLOCKED, meta);
    case 'suspect':
    case 'dead':
      return failLater('rotation_refused', FAILURES.rotation_refused.detail, meta);
    case 'throttled':
    case 'configuration':
      return toAttemptFailure(error);
  }
}

const UNANSWERED =
  'Meta did not say whether it generated a token. If it did, that token was lost; the old one stays in use.';
const NOT_ALLOWED =
  'Meta does not let this system user generate a token for our app: the app is not installed for it, or a permission ' +
  'is missing. Ask an admin of the business to install the app for it, or to generate a token that you import.';
const NOT_LIKE_THIS =
  'Meta refuses to generate such a token: the business may require expiry after 60 days, or a permission is no longer ' +
  'granted. Rotate with set_token_expires_in_60_days true, or generate a token in the business settings and import it.';
const TWO_FACTOR =
  'The business requires two-factor authentication for generating tokens. Generate one in the business settings and ' +
  'import it.';
const BLOCKED = 'Meta blocks this temporarily, by policy. See the business settings and the app dashboard.';
