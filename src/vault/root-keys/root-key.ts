/** What wrapped key material is bound to: names and values that are required to unwrap it. None of them is a secret. */
export type WrapContext = Readonly<Record<string, string>>;

/**
 * What wraps and unwraps the key ring: a local key or a key management service. Needed at the start and when keys of the ring are created,
 * never while handling a request. Another provider is another implementation of this.
 */
export abstract class RootKey {
  /** Identifies the root key without revealing it: `local:1f0c…`, `aws:arn:…`. Stored beside what it wrapped. */
  abstract readonly id: string;
  /** Wraps key material. `context` is bound to the result and required to unwrap it. Throws `RootKeyUnavailableError`. */
  abstract wrap(key: Uint8Array, context: WrapContext): Promise<Buffer>;
  /** The key material. Throws if `wrapped` was not created by this root key under this context, and `RootKeyUnavailableError`. */
  abstract unwrap(wrapped: Uint8Array, context: WrapContext): Promise<Uint8Array>;
}

/**
 * A key management service did not do what was requested: it is unreachable, too slow, or refuses. The message is for the operator, names
 * the setting to check, and never contains text of the service.
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

/** How long a key management service may take for one call, including retries. */
export const KMS_TIMEOUT_MS = 10_000;
