import { defineErrorCode } from '../../platform/error-code.ts';

const RETRIED_AUTOMATICALLY = 'Nothing: it is tried again by itself. next_attempt_at says when.';
const RUN_DOCTOR = 'Run metavault doctor, or look at /health/ready with an admin key, and fix what it names.';

const ASK_BUSINESS =
  'Ask an admin of the business to let the system user generate tokens for the app, or have them generate one and import it.';

/** Why work on a credential failed, where that is not an HTTP problem as well. */
export type FailureCode =
  | 'app_not_configured'
  | 'check_failed'
  | 'circuit_open'
  | 'meta_throttled'
  | 'throttled'
  | 'meta_permission'
  | 'meta_blocked'
  | 'meta_refused'
  | 'token_doubted'
  | 'too_young'
  | 'page_token_lost'
  | 'seal_broken'
  | 'rotation_refused'
  | 'rotation_same_token'
  | 'old_token_not_revoked'
  | RefreshRejectionCode;

/** Why a refreshed token does not replace the old one, which stays in use. */
export type RefreshRejectionCode =
  | 'renewal_other_app'
  | 'renewal_other_user'
  | 'renewal_invalid'
  | 'renewal_no_longer_life'
  | 'renewal_fewer_scopes'
  | 'rotation_expires';

interface FailureTexts {
  detail: string;
  remedy: string;
}

/** The general texts of each; a failure may say more in its own `detail`. */
export const FAILURES: Readonly<Record<FailureCode, FailureTexts>> = {
  app_not_configured: {
    detail:
      'The app that the token belongs to is not configured here (any more), so Meta is not asked: nothing refreshes or inspects it.',
    remedy:
      "Set the app's id and secret again, as detail names them, or connect again under the app that is configured.",
  },
  check_failed: { detail: 'Meta could not be asked whether the token lives.', remedy: RETRIED_AUTOMATICALLY },
  circuit_open: {
    detail: 'Meta is down, or limits the calls of our app, so it was not asked.',
    remedy: RETRIED_AUTOMATICALLY,
  },
  meta_throttled: { detail: 'Meta limits the calls of our app at the moment.', remedy: RETRIED_AUTOMATICALLY },
  throttled: {
    detail: 'Meta limits the calls to this user, Page, account or number at the moment. No other is held up.',
    remedy: RETRIED_AUTOMATICALLY,
  },
  meta_permission: {
    detail: 'Meta says that a permission for this is missing.',
    remedy: 'Create a connect session for the same tenant and product and send the user through it.',
  },
  meta_blocked: {
    detail: 'Meta blocks this by policy for some time.',
    remedy: "Read what Meta says in the app's dashboard and to the user; it is tried again by itself.",
  },
  meta_refused: { detail: 'Meta refuses the request for this token.', remedy: RUN_DOCTOR },
  token_doubted: {
    detail: 'Meta refuses the token for this, but inspection finds it valid.',
    remedy: RETRIED_AUTOMATICALLY,
  },
  too_young: {
    detail: 'Instagram and Threads refresh no token that is younger than 24 hours.',
    remedy: RETRIED_AUTOMATICALLY,
  },
  page_token_lost: {
    detail: 'Meta gives no token for this Page any more.',
    remedy: 'Give the user the role on the Page back, or connect again.',
  },
  seal_broken: {
    detail: 'The stored token does not open: it was changed, moved, or is under another key.',
    remedy: 'Restore it from a backup, or connect again.',
  },
  renewal_other_app: { detail: 'Meta gave a token of another app; the old one serves on.', remedy: RUN_DOCTOR },
  renewal_other_user: {
    detail: 'Meta gave a token of somebody else; the old one serves on.',
    remedy: RETRIED_AUTOMATICALLY,
  },
  renewal_invalid: {
    detail: 'Meta gave a token that it calls invalid itself; the old one serves on.',
    remedy: RETRIED_AUTOMATICALLY,
  },
  renewal_no_longer_life: {
    detail: 'Meta gave no longer life than the token has already; the old one serves on.',
    remedy: RETRIED_AUTOMATICALLY,
  },
  renewal_fewer_scopes: {
    detail: 'Meta gave a token with fewer permissions than the old one has; the old one serves on.',
    remedy: RETRIED_AUTOMATICALLY,
  },
  rotation_expires: {
    detail: 'Meta gave a token that ends although one without an end was asked for; the old one serves on.',
    remedy:
      'Rotate with set_token_expires_in_60_days true where an end is fine: such tokens are refreshed by themselves.',
  },
  rotation_refused: {
    detail: 'Meta generates no other token for this system user; the old one serves on.',
    remedy: ASK_BUSINESS,
  },
  rotation_same_token: {
    detail: 'Meta gave the token that serves already; nothing was revoked.',
    remedy:
      'Rotate again later; generate a token in the settings of the business and import it where that does not help.',
  },
  old_token_not_revoked: {
    detail: 'A new token serves, but Meta has not revoked the old one yet.',
    remedy:
      "Nothing: it is tried again by itself, and next_attempt_at says when. To be sure sooner, revoke the system user's tokens in the settings of the business.",
  },
};

for (const [code, texts] of Object.entries(FAILURES)) defineErrorCode('failure', { code, ...texts });
