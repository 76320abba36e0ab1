/** Names and values that wrapped key material is bound to. Not secret. */
export type WrapContext = Readonly<Record<string, string>>;

/**
 * Wraps and unwraps the key ring: a local key or a key management service. Used at startup and when keys are created,
 * never while handling a request. Implement it to add a provider.
 */
export abstract class RootKey {
  /** Identifies the root key without revealing it: `local:1f0c…`, `aws:arn:…`. Stored with what it wraps. */
  abstract readonly id: string;
  /** Wraps key material, bound to `context`. Throws `RootKeyUnavailableError`. */
  abstract wrap(key: Uint8Array, context: WrapContext): Promise<Buffer>;
  /**
   * Returns the key material. Throws `RootKeyUnavailableError`, or another error if `wrapped` is not from this root key
   * and context.
   */
  abstract unwrap(wrapped: Uint8Array, context: WrapContext): Promise<Uint8Array>;
}

/**
 * A key management service is unreachable, too slow, or refuses. The message is for operators: it names the setting to
 * check and never contains text from the service.
 */
export class RootKeyUnavailableError extends Error {
  constructor(
    readonly reason: 'unreachable' | 'timeout' | 'denied' | 'missing' | 'unusable',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'RootKeyUnavailableError';
  }
}

/** Limit for one call to a key management service, including retries. */
export const KMS_TIMEOUT_MS = 10_000;
