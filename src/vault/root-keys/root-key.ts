/** What wrapped key material is bound to: names and values that must be given again. None of them is a secret. */
export type WrapContext = Readonly<Record<string, string>>;

/**
 * What opens the key ring: a local key or a key management service. Needed at the start and when keys of the ring are made,
 * never on the way of a request. One more provider is one more implementation of this.
 */
export abstract class RootKey {
  /** Says which root key this is without giving anything of it away: `local:1f0c…`, `aws:arn:…`. Stored beside what it wrapped. */
  abstract readonly id: string;
  /** Wraps key material. `context` is bound to the result and must be given again. Throws `RootKeyUnavailableError`. */
  abstract wrap(key: Uint8Array, context: WrapContext): Promise<Buffer>;
  /** The key material. Throws when `wrapped` was not made by this root key under this context, and `RootKeyUnavailableError`. */
  abstract unwrap(wrapped: Uint8Array, context: WrapContext): Promise<Uint8Array>;
}

/**
 * A key management service did not do what was asked: it is out of reach, too slow, or says no. The message is for the operator, names
 * the setting to look at, and never holds what the service wrote.
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

/** How long a key management service may take for one response, repeats included. */
export const KMS_TIMEOUT_MS = 10_000;
