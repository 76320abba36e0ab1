/** A stable word that is no HTTP problem by itself: it stands in a field of an answer. */
export interface ErrorCodeEntry {
  code: string;
  /** `status_reason`, `failure` of a credential, or `error.error_data.code` of the gateway's answers. */
  appearsIn: 'status_reason' | 'failure' | 'error_data';
  title: string;
  remedy: string;
}

const LOG_IN_AGAIN = 'Create a connect session for the same tenant and product and send the person through it.';
const RETRIED_AUTOMATICALLY = 'Nothing: it is tried again by itself. next_attempt_at says when.';
const RUN_DOCTOR = 'Run metavault doctor, or look at /health/ready with an admin key, and mend what it names.';

const STATUS_REASONS: readonly (readonly [code: string, title: string, remedy: string])[] = [
  ['app_removed', 'The person has removed our app.', LOG_IN_AGAIN],
  [
    'checkpoint',
    'Facebook asks the person to confirm something before apps may act for them again.',
    'Ask the person to log in at www.facebook.com and follow the instructions; the connection recovers by itself after that.',
  ],
  [
    'password_changed',
    "The person's password changed, or Facebook ended the session for security reasons.",
    LOG_IN_AGAIN,
  ],
  ['expired', 'The token has expired and can no longer be renewed.', LOG_IN_AGAIN],
  [
    'unconfirmed_user',
    "The person's Facebook account is not confirmed.",
    'Ask the person to confirm their account at www.facebook.com; the connection recovers by itself after that.',
  ],
  ['logged_out', 'The person logged out, which ended the session.', LOG_IN_AGAIN],
  [
    'role_lost',
    'The person no longer has a role on the Page.',
    'Have an admin of the Page give the role back, or connect with a person who has it.',
  ],
  ['inactive_90_days', 'The person has not used the app for 90 days.', LOG_IN_AGAIN],
  ['invalid', 'Meta says that the token is no longer valid.', LOG_IN_AGAIN],
  ['data_access_expired', "The person's permission to use their data has ended.", LOG_IN_AGAIN],
  [
    'scopes_missing',
    'The connection works, but lacks permissions that its product needs.',
    'Connect again: the dialog then asks once more for what was declined. A token that was imported is made anew, with these scopes, and imported again.',
  ],
  [
    'discovery_refused',
    'Meta did not let the token list what it reaches.',
    'Connect again and grant everything that the dialog asks for, with an account that may manage the assets.',
  ],
  [
    'no_page',
    'The token reaches no Facebook Page.',
    'Connect again with an account that has a task on the Page, and choose the Page in the dialog.',
  ],
  [
    'no_page_permission',
    'The token reaches Pages, but Meta gives no access to any of them.',
    'Ask an admin of the Page to give the person access to it (Page settings, Page access), then connect again.',
  ],
  [
    'no_instagram_account',
    'None of the Pages has a linked Instagram account.',
    'Make the Instagram account a professional one, link it to a Facebook Page, then connect again and choose that Page.',
  ],
  [
    'no_ad_account',
    'The token reaches no ad account.',
    'Give the person or system user a role on the ad account in the business settings, then connect again.',
  ],
  [
    'no_whatsapp_account',
    'No WhatsApp Business Account is known for the token.',
    'Go through Embedded Signup again to its end, or complete a connect session with the waba_id of its session message.',
  ],
  [
    'whatsapp_account_lost',
    'The owner of a WhatsApp Business Account took it away from our app.',
    'Ask the owner, and send them through Embedded Signup again where they want to go on.',
  ],
  [
    'webhooks_not_subscribed',
    'The app is not subscribed to the webhooks of a WhatsApp Business Account.',
    'Check the permission for the account and the callback URL of the app, then connect again: that subscribes anew.',
  ],
  [
    'phone_number_not_registered',
    'A phone number could not be registered for the Cloud API.',
    'Do what the remedy on the connection says, then POST /v1/connections/{id}/phone-numbers/{phone_number_id}/register.',
  ],
];

const FAILURES: readonly (readonly [code: string, title: string, remedy: string])[] = [
  ['check_failed', 'Meta could not be asked whether the token lives.', RETRIED_AUTOMATICALLY],
  ['circuit_open', 'Meta is down, or limits the calls of our app, so it was not asked.', RETRIED_AUTOMATICALLY],
  ['meta_throttled', 'Meta limits the calls of our app.', RETRIED_AUTOMATICALLY],
  ['meta_permission', 'Meta says that a permission for this is missing.', LOG_IN_AGAIN],
  [
    'meta_blocked',
    'Meta blocks this by policy for some time.',
    "Read what Meta says in the app's dashboard and to the person; it is tried again by itself.",
  ],
  ['meta_refused', 'Meta refuses the request for this token.', RUN_DOCTOR],
  ['token_doubted', 'Meta refuses the token for this, but inspection finds it valid.', RETRIED_AUTOMATICALLY],
  ['too_young', 'Instagram and Threads renew no token that is younger than 24 hours.', RETRIED_AUTOMATICALLY],
  [
    'page_token_lost',
    'Meta gives no token for this Page any more.',
    'Give the person the role on the Page back, or connect again.',
  ],
  [
    'seal_broken',
    'The stored token does not open: it was changed, moved, or is under another key.',
    'Restore it from a backup, or connect again.',
  ],
  ['renewal_other_app', 'Meta gave a token of another app; the old one serves on.', RUN_DOCTOR],
  ['renewal_other_user', 'Meta gave a token of somebody else; the old one serves on.', RETRIED_AUTOMATICALLY],
  ['renewal_invalid', 'Meta gave a token that it calls invalid itself; the old one serves on.', RETRIED_AUTOMATICALLY],
  [
    'renewal_no_longer_life',
    'Meta gave no longer life than the token has already; the old one serves on.',
    RETRIED_AUTOMATICALLY,
  ],
  ['renewal_fewer_scopes', 'Meta gave a token with fewer permissions; the old one serves on.', RETRIED_AUTOMATICALLY],
];

const REFUSALS: readonly (readonly [code: string, title: string, remedy: string])[] = [
  ['lease_invalid', 'The lease is unknown or has ended.', 'Take a new one from POST /v1/leases.'],
  [
    'path_not_allowed',
    'This call does not pass the gateway.',
    'Tokens are not made, looked at or ended through it; use the routes under /v1 for that.',
  ],
  ['too_many_calls', 'Too many calls at once.', 'Send fewer at a time; try again after Retry-After.'],
  [
    'answer_refused',
    "Meta's answer could not be passed on safely.",
    'Ask for JSON in UTF-8, without a coding other than gzip, br or deflate, and whole.',
  ],
  ['database_unavailable', 'The lease cannot be looked at for the moment.', 'Try again in a moment.'],
];

const of =
  (appearsIn: ErrorCodeEntry['appearsIn']) =>
  ([code, title, remedy]: readonly [string, string, string]): ErrorCodeEntry => ({ code, appearsIn, title, remedy });

/** Those words besides the problems, so that each has a page, too. A test holds them against what the rooms write. */
export const ERROR_CODES: readonly ErrorCodeEntry[] = [
  ...STATUS_REASONS.map(of('status_reason')),
  ...FAILURES.map(of('failure')),
  ...REFUSALS.map(of('error_data')),
];
