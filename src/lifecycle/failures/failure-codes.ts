import { defineErrorCode } from '../../platform/error-code.ts';

const RETRIED_AUTOMATICALLY = 'Nothing: it is retried automatically, at next_attempt_at.';
const RUN_DOCTOR = 'Run metavault doctor, or open /health/ready with an admin key, and fix what it names.';

const ASK_BUSINESS =
  'Ask an admin of the business to let the system user generate tokens for the app, or to generate one to import.';

/** Why work on a credential failed. Problem codes occur as well. */
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

/** Why a new token is rejected and the old one stays in use. */
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

/** General texts; the `detail` of a failure may be more specific. */
export const FAILURES: Readonly<Record<FailureCode, FailureTexts>> = {
  app_not_configured: {
    detail: "The token's app is not configured, so the token is neither refreshed nor inspected.",
    remedy: 'Set the id and secret of the app that detail names, or connect again with the configured app.',
  },
  check_failed: { detail: 'Meta could not be asked whether the token is valid.', remedy: RETRIED_AUTOMATICALLY },
  circuit_open: {
    detail: 'Meta is down, or our app is at a rate limit, so Meta was not called.',
    remedy: RETRIED_AUTOMATICALLY,
  },
  meta_throttled: { detail: 'Our app is at a rate limit at Meta.', remedy: RETRIED_AUTOMATICALLY },
  throttled: {
    detail: 'This user, Page, account or number is at a rate limit at Meta. Others are not affected.',
    remedy: RETRIED_AUTOMATICALLY,
  },
  meta_permission: {
    detail: 'Meta says that a permission is missing.',
    remedy: 'Create a connect session for the same tenant and product and send the user through it.',
  },
  meta_blocked: {
    detail: 'Meta blocks this temporarily, by policy.',
    remedy: 'Check the app dashboard, and what Meta tells the user. It is retried automatically.',
  },
  meta_refused: { detail: 'Meta refuses the request for this token.', remedy: RUN_DOCTOR },
  token_doubted: {
    detail: 'Meta rejects the token for this, but inspection finds it valid.',
    remedy: RETRIED_AUTOMATICALLY,
  },
  too_young: {
    detail: 'Instagram and Threads refresh tokens only once they are 24 hours old.',
    remedy: RETRIED_AUTOMATICALLY,
  },
  page_token_lost: {
    detail: 'Meta no longer gives a token for this Page.',
    remedy: "Restore the user's role on the Page, or connect again.",
  },
  seal_broken: {
    detail: 'The stored token cannot be decrypted: it was changed, moved, or sealed under another key.',
    remedy: 'Restore it from a backup, or connect again.',
  },
  renewal_other_app: { detail: 'Meta returned a token of another app; the old one stays in use.', remedy: RUN_DOCTOR },
  renewal_other_user: {
    detail: 'Meta returned a token of another user; the old one stays in use.',
    remedy: RETRIED_AUTOMATICALLY,
  },
  renewal_invalid: {
    detail: 'Meta returned a token that is not valid; the old one stays in use.',
    remedy: RETRIED_AUTOMATICALLY,
  },
  renewal_no_longer_life: {
    detail: 'Meta returned a token that expires no later than the old one, which stays in use.',
    remedy: RETRIED_AUTOMATICALLY,
  },
  renewal_fewer_scopes: {
    detail: 'Meta returned a token with fewer permissions than the old one, which stays in use.',
    remedy: RETRIED_AUTOMATICALLY,
  },
  rotation_expires: {
    detail: 'Meta returned a token that expires, though one that does not was requested; the old one stays in use.',
    remedy:
      'If expiry is fine, rotate with set_token_expires_in_60_days true: such tokens are refreshed automatically.',
  },
  rotation_refused: {
    detail: 'Meta refuses to generate a token for this system user; the old one stays in use.',
    remedy: ASK_BUSINESS,
  },
  rotation_same_token: {
    detail: 'Meta returned the token already in use; nothing was revoked.',
    remedy: 'Rotate again later. If that does not help, generate a token in the business settings and import it.',
  },
  old_token_not_revoked: {
    detail: 'A new token is in use, but Meta has not revoked the old one yet.',
    remedy:
      'Nothing: it is retried automatically, at next_attempt_at. To be sure sooner, revoke the tokens of the system ' +
      'user in the business settings.',
  },
};

for (const [code, texts] of Object.entries(FAILURES)) defineErrorCode('failure', { code, ...texts });
