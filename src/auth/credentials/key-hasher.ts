/**
 * Hashes API keys for storage with a keyed hash (32 bytes), so a stolen table can't be searched offline. The vault's
 * key ring implements it; the composition root binds the two, because this module needs nothing else from the vault.
 */
export abstract class KeyHasher {
  abstract blindIndex(value: string): Buffer;
}
