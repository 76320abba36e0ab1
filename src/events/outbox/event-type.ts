/** What product services can subscribe to. */
export const EVENT_TYPES = [
  'connection.created',
  'connection.assets_changed',
  'connection.refreshed',
  'connection.expiring',
  'connection.reauth_required',
  'connection.revoked',
  'connection.synchronization_expiring',
  'connection.unfinished',
  'meta.webhook',
] as const;

export type EventType = (typeof EVENT_TYPES)[number];

/** What Meta sent, handed on. Its data are sealed at rest, and may be gone before the event. */
export const RELAYED_EVENT_TYPE = 'meta.webhook' satisfies EventType;

/** The type of test deliveries. No subscription lists it, and only the test route sends it. */
export const TEST_EVENT_TYPE = 'subscription.test';

/** Every type that a subscriber can receive. */
export type DeliveredEventType = EventType | typeof TEST_EVENT_TYPE;
