import type { MetaCause } from '../../platform/problem.ts';

/** Why a connection stands as it does, as the API shows it. An active one may have a reason too: something a person should mend. */
export interface StatusReason {
  code: string;
  detail: string;
  remedy: string;
  meta?: MetaCause;
  since_at: string;
}

/** Why the last work on a credential failed, as the API shows it. */
export interface CredentialFailure {
  code: string;
  detail: string;
  attempts: number;
  next_attempt_at: string | null;
  meta?: MetaCause;
}

/** A status reason that is yet to be stored. */
export type DeathReason = Omit<StatusReason, 'since_at'>;
