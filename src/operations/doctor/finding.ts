/** What was checked. */
type CheckName =
  | 'configuration'
  | 'examination'
  | 'database'
  | 'migrations'
  | 'key_ring'
  | 'clock'
  | 'meta_app'
  | 'meta_version'
  | 'meta_limits'
  | 'meta_clock'
  | 'redirect_uri'
  | 'webhook_handshake'
  | 'webhook_subscriptions'
  | 'login_configuration'
  | 'signup_version'
  | 'logins'
  | 'connections'
  | 'rollback'
  | 'event_subscriptions';

export const FINDING_STATES = ['ok', 'attention', 'wrong'] as const;

export interface Finding {
  check: CheckName;
  /** `attention`: the service works, but an operator should look. Only `wrong` makes the exit code 1. */
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
