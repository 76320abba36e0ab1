/** Why a subscriber can't be called, or can't get this event. */
const SUBSCRIBER_FAULTS = ['address_refused', 'secret_unavailable', 'payload_unavailable'] as const;
export type SubscriberFault = (typeof SUBSCRIBER_FAULTS)[number];

/** Why an attempt failed: a closed list for records and metrics. The response body is never used. */
export const ATTEMPT_ERRORS = [
  'http_status',
  'redirect',
  'timeout',
  'connect',
  'reset',
  'not_subscribed',
  ...SUBSCRIBER_FAULTS,
] as const;
export type AttemptError = (typeof ATTEMPT_ERRORS)[number];

/** Outcome of one request to a subscriber. `error` null: it accepted the event. */
export interface Attempt {
  status: number | null;
  error: AttemptError | null;
  retryAfterSeconds: number | null;
}
