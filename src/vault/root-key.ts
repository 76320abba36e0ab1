/**
 * What opens the key ring: a local key or a key management service. Needed at the start and when keys of the ring are made,
 * never on the way of a request. Google, Azure or Vault Transit are one more implementation each.
 */
export abstract class RootKey {
  /** Says which root key this is without giving anything of it away: `local:1f0c…`, `aws:arn:…`. Stored beside what it wrapped. */
  abstract readonly id: string;
  /** Wraps key material. `context` is bound to the result and must be given again. */
  abstract wrap(key: Uint8Array, context: Readonly<Record<string, string>>): Promise<Buffer>;
  /** The key material. Throws when `wrapped` was not made by this root key under this context. */
  abstract unwrap(wrapped: Uint8Array, context: Readonly<Record<string, string>>): Promise<Uint8Array>;
}
