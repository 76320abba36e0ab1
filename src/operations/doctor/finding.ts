/** All checks of the doctor. docs/production.md names each at the step that it verifies; a test compares the two. */
export const CHECKS = [
  'configuration',
  'database',
  'database_tls',
  'replication',
  'read_standby',
  'migrations',
  'key_ring',
  'clock',
  'key_age',
  'rollback',
  'meta_app',
  'meta_version',
  'meta_limits',
  'meta_clock',
  'login_configuration',
  'signup_version',
  'redirect_uri',
  'return_urls',
  'console_sign_in',
  'client_keys',
  'webhook_handshake',
  'webhook_subscriptions',
  'event_receiver',
  'event_subscriptions',
  'logins',
  'connections',
] as const;

/** What was checked; `examination`: the checks themselves, while they run. */
type CheckName = (typeof CHECKS)[number] | 'examination';

export const FINDING_STATES = ['ok', 'attention', 'wrong'] as const;

export interface Finding {
  check: CheckName;
  /** `attention`: the service works, but an operator should check it. Only `wrong` makes the exit code 1. */
  state: (typeof FINDING_STATES)[number];
  /** What was found and what it means. Never a secret. */
  detail: string;
  /** The remedy, or null if there is nothing to do. */
  mend: string | null;
}

export const fine = (check: CheckName, detail: string): Finding => ({ check, state: 'ok', detail, mend: null });
export const attention = (check: CheckName, detail: string, mend: string): Finding => ({
  check,
  state: 'attention',
  detail,
  mend,
});
export const wrong = (check: CheckName, detail: string, mend: string): Finding => ({
  check,
  state: 'wrong',
  detail,
  mend,
});
