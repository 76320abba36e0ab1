import type { SubscriptionId } from '../ids.ts';
import type { SubscriptionFilter } from '../outbox/subscription-filter.ts';

/**
 * `active`: gets events. `paused`: its events wait. `ended`: the subscriber responded 410; nothing more is kept for it, until it is
 * resumed. `deleted`: gone for every caller, a row only.
 */
export type SubscriptionStatus = 'active' | 'paused' | 'ended' | 'deleted';

/** A row of `subscription`. */
export interface SubscriptionRow extends SubscriptionFilter {
  id: SubscriptionId;
  url: string;
  status: SubscriptionStatus;
  /** `gone`: its receiver responded 410. */
  status_reason: 'gone' | null;
  resume_at: Date | null;
  failing_since: Date | null;
  last_delivered_at: Date | null;
  created_at: Date;
  updated_at: Date;
}

/** A subscription that has taken nothing for this long is reported: by metrics, `doctor` and one audit entry. */
export const FAILING_SECONDS = 86_400;
