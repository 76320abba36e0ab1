/** One attempt, without query, body, key, or token. */
export interface RequestAttempt {
  method: string;
  path: string;
  /** From 1. */
  attempt: number;
  /** Headers to add, such as `traceparent`: empty, for a hook to fill. */
  headers: Record<string, string>;
}

/** How an attempt ended. */
export interface AttemptOutcome {
  /** Null without a response. */
  status: number | null;
  requestId: string | null;
  durationMs: number;
}

/** Functions for logs, metrics, and traces. If one throws, the call throws the same error. */
export interface Hooks {
  onRequest?: ((attempt: RequestAttempt) => void) | undefined;
  onResponse?: ((attempt: RequestAttempt, outcome: AttemptOutcome) => void) | undefined;
}
