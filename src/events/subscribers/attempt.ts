/** Why a subscriber can't be called at all, or not with this event. */
export type SubscriberFault = 'address_refused' | 'secret_unavailable' | 'payload_unavailable';

/** Why an attempt failed: a closed list, for the record and the metrics. The response's body is never read. */
export type AttemptError =
  | 'http_status'
  | 'redirect'
  | 'timeout'
  | 'connect'
  | 'reset'
  | 'not_subscribed'
  | SubscriberFault;

/** The outcome of one request to a subscriber. `error` null: it accepted the event. */
export interface Attempt {
  status: number | null;
  error: AttemptError | null;
  retryAfterSeconds: number | null;
}
