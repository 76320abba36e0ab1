import type { Product } from '../../config/config.ts';
import type { EventType } from '../outbox/event-type.ts';

/**
 * `active`: gets events. `paused`: its events wait. `ended`: the subscriber answered 410; nothing more is kept for it, until it is
 * resumed. `deleted`: gone for every caller, a row only.
 */
export type SubscriptionStatus = 'active' | 'paused' | 'ended' | 'deleted';

/** What a subscription wants to hear. */
export interface SubscriptionFilter {
  readonly events: readonly EventType[];
  /** Null: events of all tenants, and those that belong to none. */
  readonly tenants: readonly string[] | null;
  /** Null: of all products, and those that belong to none. */
  readonly products: readonly Product[] | null;
}

/** A row of `subscription`. */
export interface SubscriptionRow extends SubscriptionFilter {
  id: string;
  url: string;
  status: SubscriptionStatus;
  status_reason: string | null;
  resume_at: Date | null;
  failing_since: Date | null;
  last_delivered_at: Date | null;
  created_at: Date;
  updated_at: Date;
}

/** Whether a subscription gets an event. What belongs to no tenant never reaches a subscription that names tenants. */
export function matchesFilter(
  filter: SubscriptionFilter,
  event: { readonly type: string; readonly tenant: string | null; readonly product: string | null },
): boolean {
  return (
    filter.events.includes(event.type as EventType) &&
    isAmong(filter.tenants, event.tenant) &&
    isAmong(filter.products, event.product)
  );
}

function isAmong(wanted: readonly string[] | null, value: string | null): boolean {
  return wanted === null || (value !== null && wanted.includes(value));
}
