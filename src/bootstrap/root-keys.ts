import type { KeyProviderConfig } from '../config/config.ts';
import { type HttpClient, UndiciHttpClient } from '../platform/http-client/http-client.ts';
import type { Random } from '../platform/random.ts';
import type { SecretString } from '../platform/secret-string.ts';
import { AwsRootKey } from '../vault/root-keys/aws-root-key.ts';
import { LocalRootKey } from '../vault/root-keys/local-root-key.ts';
import type { RootKey } from '../vault/root-keys/root-key.ts';
import { TransitRootKey } from '../vault/root-keys/transit-root-key.ts';

export interface RootKeys {
  rootKey: RootKey;
  previousRootKey: RootKey | null;
  /** Closes connections to a KMS. */
  close(): Promise<void>;
}

/** Opens the configured root keys. The only place that picks a provider. Throws `RootKeyUnavailableError`. */
export async function openRootKeys(keys: KeyProviderConfig, random: Random): Promise<RootKeys> {
  const http = keys.provider === 'transit' ? new UndiciHttpClient({ connections: 2 }) : null;
  const local = (key: SecretString): RootKey => new LocalRootKey(key, random);
  return {
    rootKey: await openRootKey(keys, local, http),
    previousRootKey: await openPreviousRootKey(keys, local, http),
    close: async () => http?.close(),
  };
}

async function openRootKey(
  keys: KeyProviderConfig,
  local: (key: SecretString) => RootKey,
  http: HttpClient | null,
): Promise<RootKey> {
  if (keys.provider === 'local') return local(keys.rootKey);
  if (keys.provider === 'aws') return AwsRootKey.open(keys);
  if (http === null) throw new Error('Transit needs an HTTP client');
  return new TransitRootKey(keys, http);
}

async function openPreviousRootKey(
  keys: KeyProviderConfig,
  local: (key: SecretString) => RootKey,
  http: HttpClient | null,
): Promise<RootKey | null> {
  if (keys.previousRootKey !== null) return local(keys.previousRootKey);
  if (keys.provider === 'aws' && keys.previousKeyId !== null) {
    return openRootKey({ ...keys, keyId: keys.previousKeyId }, local, http);
  }
  if (keys.provider === 'transit' && keys.previousKeyName !== null) {
    return openRootKey({ ...keys, keyName: keys.previousKeyName }, local, http);
  }
  return null;
}
