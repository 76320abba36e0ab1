/** Event types product services can subscribe to. */
export const EVENT_TYPES = [
  'app.failing',
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

/** A webhook entry of Meta's, passed on. Its data is sealed at rest and may be gone before the event is. */
export const RELAYED_EVENT_TYPE = 'meta.webhook' satisfies EventType;

/** Type of test deliveries. No subscription lists it; only the test route sends it. */
export const TEST_EVENT_TYPE = 'subscription.test';

/** Every type a subscriber can receive. */
export type DeliveredEventType = EventType | typeof TEST_EVENT_TYPE;
