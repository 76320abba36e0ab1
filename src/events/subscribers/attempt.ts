/** Why a subscriber can't be called, or can't get this event. */
export type SubscriberFault = 'address_refused' | 'secret_unavailable' | 'payload_unavailable';

/** Why an attempt failed: a closed list for records and metrics. The response body is never used. */
export type AttemptError =
  | 'http_status'
  | 'redirect'
  | 'timeout'
  | 'connect'
  | 'reset'
  | 'not_subscribed'
  | SubscriberFault;

/** Outcome of one request to a subscriber. `error` null: it accepted the event. */
export interface Attempt {
  status: number | null;
  error: AttemptError | null;
  retryAfterSeconds: number | null;
}
