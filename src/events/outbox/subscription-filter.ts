import type { Product } from '../../config/config.ts';
import type { EventType } from './event-type.ts';

/** Which events a subscription receives. */
export interface SubscriptionFilter {
  readonly events: readonly EventType[];
  /** Null: all tenants, and events without one. */
  readonly tenants: readonly string[] | null;
  /** Null: all products, and events without one. */
  readonly products: readonly Product[] | null;
}

/**
 * Whether a subscription receives an event. Same rule in SQL: `queue/wanted-delivery.repository.ts`. An event without a
 * tenant never reaches a subscription that names tenants.
 */
export function matchesFilter(
  filter: SubscriptionFilter,
  event: { readonly type: EventType; readonly tenant: string | null; readonly product: string | null },
): boolean {
  return (
    filter.events.includes(event.type) &&
    isAmong(filter.tenants, event.tenant) &&
    isAmong(filter.products, event.product)
  );
}

function isAmong(wanted: readonly string[] | null, value: string | null): boolean {
  return wanted === null || (value !== null && wanted.includes(value));
}
