import type { DeathReason } from '../../connections/connection/connection-status.service.ts';
import type { DeadReason } from '../../meta/errors/classify-error.ts';
import type { MetaCause } from '../../platform/problem.ts';

const LOGIN =
  'Create a connect session for the same tenant and product and send the person through it; the connection keeps its id.';

/** What a person has to know and do, by the reason of the death (META.md 12.2). */
const WORDS: Readonly<Record<DeadReason, { detail: string; remedy: string }>> = {
  app_removed: { detail: 'The person has removed our app.', remedy: LOGIN },
  checkpoint: {
    detail: 'Facebook asks the person to confirm something before apps may act for them again.',
    remedy:
      'Ask the person to log in at www.facebook.com and follow the instructions; the connection recovers by itself after that.',
  },
  password_changed: {
    detail: "The person's password changed, or Facebook ended the session for security reasons.",
    remedy: LOGIN,
  },
  expired: { detail: 'The token has expired and can no longer be renewed.', remedy: LOGIN },
  unconfirmed_user: {
    detail: "The person's Facebook account is not confirmed.",
    remedy:
      'Ask the person to confirm their account at www.facebook.com; the connection recovers by itself after that.',
  },
  logged_out: { detail: 'The person logged out, which ended the session.', remedy: LOGIN },
  role_lost: {
    detail: 'The person no longer has a role on the Page.',
    remedy: 'Have an admin of the Page give the role back, or connect with a person who has it.',
  },
  inactive_90_days: { detail: 'The person has not used the app for 90 days.', remedy: LOGIN },
  invalid: { detail: 'Meta says that the token is no longer valid.', remedy: LOGIN },
};

/** After these the same token can come back to life, once the person did what Facebook asks for. */
const MAY_COME_BACK: ReadonlySet<DeadReason> = new Set(['checkpoint', 'unconfirmed_user', 'invalid']);

export function deathReason(reason: DeadReason, meta: MetaCause): DeathReason {
  return { code: reason, ...WORDS[reason], ...(Object.keys(meta).length === 0 ? {} : { meta }) };
}

export function mayComeBack(reason: DeadReason): boolean {
  return MAY_COME_BACK.has(reason);
}
