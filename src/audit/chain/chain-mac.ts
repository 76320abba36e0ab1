/**
 * The keyed MAC of the audit chain, 32 bytes, under a key that is no KEK, so that no rotation or deletion of those leaves the chain
 * unprovable. The vault's key ring does it; the composition binds it (`{ provide: ChainMac, useExisting: KeyRing }`), because this
 * module needs nothing else of the vault.
 */
export abstract class ChainMac {
  abstract computeAuditMac(message: Uint8Array): Buffer;
}
