/**
 * The keyed MAC of the audit chain, 32 bytes. Its key is not a KEK, so rotating or deleting KEKs leaves the chain verifiable. The vault's
 * key ring implements it; the composition binds it (`{ provide: ChainMac, useExisting: KeyRing }`), because this module needs nothing else
 * of the vault.
 */
export abstract class ChainMac {
  abstract computeAuditMac(message: Uint8Array): Buffer;
}
