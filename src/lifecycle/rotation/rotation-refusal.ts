import type { MetaError } from '../../meta/errors/meta-error.ts';
import { type AttemptFailure, failLater, toAttemptFailure } from '../failures/attempt-failure.ts';
import { FAILURES } from '../failures/failure-codes.ts';

/** Two-factor authentication, which a business can demand of whoever generates tokens. */
const TWO_FACTOR_REQUIRED = 415;

/**
 * Why Meta generated no token, by its codes (its words are localized): a failure of its own where it refused, the usual one for faults that
 * pass, limits and the settings of our app.
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
  'Meta did not say whether it generated a token. If it did, nobody holds that token; the old one serves on.';
const NOT_ALLOWED =
  'Meta does not let this system user generate a token for our app: the app is not installed for it, or it has no right to. Ask an admin of the business to install the app for the system user, or to generate a token, and import that.';
const NOT_LIKE_THIS =
  'Meta refuses to generate a token like the one that serves: the business may demand that tokens end after 60 days, or one of the permissions may no longer be granted. Rotate with set_token_expires_in_60_days true, or generate a token in the settings of the business and import it.';
const TWO_FACTOR =
  'The business demands two-factor authentication of whoever generates tokens. Generate one in the settings of the business and import it.';
const BLOCKED =
  'Meta blocks this by policy for some time. Read what it says in the settings of the business and in the app dashboard.';
