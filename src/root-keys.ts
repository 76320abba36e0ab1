import type { KeyProviderConfig } from './config/config.ts';
import type { Random } from './platform/random.ts';
import { LocalRootKey } from './vault/local-root-key.ts';
import type { RootKey } from './vault/root-key.ts';

export interface RootKeys {
  rootKey: RootKey;
  previousRootKey: RootKey | null;
}

/** The root keys as configured. One place decides which provider opens the key ring. */
export function openRootKeys(keys: KeyProviderConfig, random: Random): RootKeys {
  switch (keys.provider) {
    case 'local':
      return {
        rootKey: new LocalRootKey(keys.rootKey, random),
        previousRootKey: keys.previousRootKey === null ? null : new LocalRootKey(keys.previousRootKey, random),
      };
    case 'aws':
      throw new RootKeyProviderMissing();
  }
}

/** The configuration is right, but this build does not have what it asks for. */
export class RootKeyProviderMissing extends Error {
  constructor() {
    super('KMS_PROVIDER aws is not available in this build yet. Set KMS_PROVIDER to local and give ROOT_KEY.');
    this.name = 'RootKeyProviderMissing';
  }
}
