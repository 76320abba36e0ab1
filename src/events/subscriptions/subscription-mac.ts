import { defineRowMac } from '../../database/row-mac.ts';
import type { SubscriptionRow } from './subscription.ts';

/** Columns of a subscription covered by its MAC. */
export type CoveredSubscription = Pick<SubscriptionRow, 'id' | 'url' | 'events' | 'tenants' | 'products' | 'status'>;

/**
 * Covers where a subscription's events go, and which. Leaves out columns that only delay deliveries or are for display,
 * and `revision`, which tells replicas to reread the row. Its secrets are sealed to its id.
 */
export const SUBSCRIPTION_MAC = defineRowMac<CoveredSubscription>('subscription', 1, {
  idOf: ({ id }) => id,
  covers: ({ id, url, events, tenants, products, status }) => [id, url, events, tenants, products, status],
});
