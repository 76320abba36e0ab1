/** What a server bears from its callers. Durations in milliseconds. */
export interface HttpServerLimits {
  /** From the connection, or the first byte of a further request on it, to the end of the headers. */
  headersTimeoutMs: number;
  /** The least that a body must bring within `bodyWindowMs`, on average. */
  minBodyBytesPerSecond: number;
  bodyWindowMs: number;
  /** How long the body of a caller who is not known may take in all. */
  unauthenticatedBodyMs: number;
  /** What the bodies of callers who are not known may take in memory together. */
  unauthenticatedBodyBytes: number;
  /** How often connections are looked at. */
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
