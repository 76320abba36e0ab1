import { defineRowMac } from '../../database/row-mac.ts';
import type { SubscriptionRow } from './subscription.ts';

/** The columns of a subscription that its MAC covers. */
export type CoveredSubscription = Pick<SubscriptionRow, 'id' | 'url' | 'events' | 'tenants' | 'products' | 'status'>;

/**
 * Covers where a subscription's events go and which ones. Not covered: what only delays deliveries or is shown, and `revision`, by which
 * replicas know when to read the row again. Its secrets are sealed for this id.
 */
export const SUBSCRIPTION_MAC = defineRowMac<CoveredSubscription>('subscription', 1, {
  idOf: ({ id }) => id,
  covers: ({ id, url, events, tenants, products, status }) => [id, url, events, tenants, products, status],
});
