/**
 * How API keys become what is stored of them: 32 bytes, keyed, so that neither the table nor a guess made offline gives a key.
 * The vault's key ring does it; the composition binds it (`{ provide: KeyHasher, useExisting: KeyRing }`), because this
 * module needs nothing else of the vault.
 */
export abstract class KeyHasher {
  abstract blindIndex(value: string): Buffer;
}
