/**
 * Keyed MAC of the audit chain, 32 bytes. Its key is not a KEK, so the chain stays verifiable when KEKs are rotated or
 * deleted. The vault's key ring implements it; the composition root binds the two, because this module needs nothing
 * else from the vault.
 */
export abstract class ChainMac {
  abstract computeAuditMac(message: Uint8Array): Buffer;
}
