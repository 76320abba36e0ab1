import type { Product } from '../../config/config.ts';
import type { EventType } from './event-type.ts';

/** Which events a subscription gets. */
export interface SubscriptionFilter {
  readonly events: readonly EventType[];
  /** Null: events of all tenants, and those without a tenant. */
  readonly tenants: readonly string[] | null;
  /** Null: events of all products, and those without a product. */
  readonly products: readonly Product[] | null;
}

/**
 * Whether a subscription gets an event (`queue/wanted-delivery.repository.ts` has the same rule in SQL). An event without a tenant never
 * reaches a subscription that names tenants.
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
