import type { DeathReason } from '../../connections/status/status-reason.ts';
import type { DeadReason } from '../../meta/errors/classify-error.ts';
import { defineErrorCode } from '../../platform/error-code.ts';
import type { MetaCause } from '../../platform/problem.ts';

const LOGIN_REMEDY =
  'Create a connect session for the same tenant and product and send the user through it; the connection keeps its id.';

/** Texts for the user by cause of death (docs/meta-facts.md#code-190). */
const EXPLANATIONS: Readonly<Record<DeadReason, { detail: string; remedy: string }>> = {
  app_removed: { detail: 'The user has removed our app.', remedy: LOGIN_REMEDY },
  checkpoint: {
    detail: 'Facebook requires the user to confirm something before apps may act for them again.',
    remedy:
      'Ask the user to log in at www.facebook.com and follow the instructions; the connection then recovers by itself.',
  },
  password_changed: {
    detail: "The user's password changed, or Facebook ended the session for security reasons.",
    remedy: LOGIN_REMEDY,
  },
  expired: { detail: 'The token has expired and can no longer be refreshed.', remedy: LOGIN_REMEDY },
  unconfirmed_user: {
    detail: "The user's Facebook account is not confirmed.",
    remedy: 'Ask the user to confirm their account at www.facebook.com; the connection then recovers by itself.',
  },
  logged_out: { detail: 'The user logged out, which ended the session.', remedy: LOGIN_REMEDY },
  role_lost: {
    detail: 'The user no longer has a role on the Page.',
    remedy: 'Have an admin of the Page restore the role, or connect with a user who has it.',
  },
  inactive_90_days: { detail: 'The user has not used the app for 90 days.', remedy: LOGIN_REMEDY },
  invalid: { detail: 'Meta says the token is no longer valid.', remedy: LOGIN_REMEDY },
};

for (const [code, texts] of Object.entries(EXPLANATIONS)) defineErrorCode('status_reason', { code, ...texts });

/** The same token may become valid again once the user does what Facebook asks for. */
const RECOVERABLE_REASONS: ReadonlySet<DeadReason> = new Set(['checkpoint', 'unconfirmed_user', 'invalid']);

export function toDeathReason(reason: DeadReason, meta: MetaCause): DeathReason {
  return { code: reason, ...EXPLANATIONS[reason], ...(Object.keys(meta).length === 0 ? {} : { meta }) };
}

export function isRecoverable(reason: DeadReason): boolean {
  return RECOVERABLE_REASONS.has(reason);
}
