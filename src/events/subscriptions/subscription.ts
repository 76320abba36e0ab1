import type { SubscriptionId } from '../ids.ts';
import type { SubscriptionFilter } from '../outbox/subscription-filter.ts';

/** What clients see. */
export const VISIBLE_STATUSES = ['active', 'paused', 'ended'] as const;

/**
 * `active`: gets events. `paused`: its events wait. `ended`: the receiver responded 410, so events are no longer kept
 * until it is resumed. `deleted`: invisible to clients, only the row is left.
 */
export type SubscriptionStatus = (typeof VISIBLE_STATUSES)[number] | 'deleted';

/** A row of `subscription`. */
export interface SubscriptionRow extends SubscriptionFilter {
  id: SubscriptionId;
  url: string;
  status: SubscriptionStatus;
  /** `gone`: the receiver responded 410. */
  status_reason: 'gone' | null;
  /** Counts changes of URL, filter, status, and secrets. */
  revision: number;
  resume_at: Date | null;
  failing_since: Date | null;
  last_delivered_at: Date | null;
  created_at: Date;
  updated_at: Date;
}

/** Whether events are kept for it. */
export function isServed({ status }: Pick<SubscriptionRow, 'status'>): boolean {
  return status === 'active' || status === 'paused';
}

/** After this long without an accepted event, a subscription is reported: by metrics, `doctor`, and one audit entry. */
export const FAILING_SECONDS = 86_400;
