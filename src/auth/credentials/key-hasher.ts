/**
 * Hashes API keys for storage: 32 bytes, keyed, so that neither the table nor an offline guess reveals a key. The vault's key ring
 * implements it; the composition binds it (`{ provide: KeyHasher, useExisting: KeyRing }`), because this module needs nothing else of the
 * vault.
 */
export abstract class KeyHasher {
  abstract blindIndex(value: string): Buffer;
}
