import type { Id } from '../platform/ids.ts';

export type EventId = Id<'evt'>;
export type SubscriptionId = Id<'sub'>;
export type DeliveryId = Id<'dlv'>;
