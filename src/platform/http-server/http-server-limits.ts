/** Limits that protect the server from slow or large requests. Durations in milliseconds. */
export interface HttpServerLimits {
  /** From the connection, or the first byte of a further request, to the end of the headers. */
  headersTimeoutMs: number;
  /** Minimum average rate of a body over `bodyWindowMs`. */
  minBodyBytesPerSecond: number;
  bodyWindowMs: number;
  /** Total time for the body of an unauthenticated caller. */
  unauthenticatedBodyMs: number;
  /** Total memory for the bodies of all unauthenticated callers. */
  unauthenticatedBodyBytes: number;
  /** Interval between checks of open connections. */
  checkIntervalMs: number;
}

export const DEFAULT_HTTP_SERVER_LIMITS: Readonly<HttpServerLimits> = Object.freeze({
  headersTimeoutMs: 10_000,
  minBodyBytesPerSecond: 16 * 1024,
  bodyWindowMs: 10_000,
  unauthenticatedBodyMs: 30_000,
  unauthenticatedBodyBytes: 64 * 1024 * 1024,
  checkIntervalMs: 1_000,
});
