/** What keeps a subscriber from being called at all. */
export type SubscriberFault = 'address_refused' | 'secret_unavailable';

/** Why an attempt failed: a closed list, for the record and the metrics. The response's body is never read. */
export type AttemptError = 'http_status' | 'redirect' | 'timeout' | 'connect' | 'reset' | SubscriberFault;

/** What came of one request to a subscriber. `error` null: it took the event. */
export interface Attempt {
  status: number | null;
  error: AttemptError | null;
  retryAfterSeconds: number | null;
}
