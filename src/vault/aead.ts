import sodium from 'libsodium-wrappers';
import type { Random } from '../platform/random.ts';

await sodium.ready;

export const KEY_BYTES = sodium.crypto_aead_xchacha20poly1305_ietf_KEYBYTES;
const NONCE_BYTES = sodium.crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
const TAG_BYTES = sodium.crypto_aead_xchacha20poly1305_ietf_ABYTES;

/**
 * Encrypts with XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) in libsodium. Returns nonce ‖ ciphertext ‖ tag. The
 * nonce has 192 bits, so random ones don't collide. They come from `node:crypto` through `Random`, because libsodium's
 * generator is thirty times slower in WebAssembly.
 */
export function encrypt(key: Uint8Array, plaintext: Uint8Array, associatedData: Uint8Array, random: Random): Buffer {
  const nonce = random.bytes(NONCE_BYTES);
  const box = sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(plaintext, associatedData, null, nonce, key);
  return Buffer.concat([nonce, box]);
}

/** Returns the plaintext; null if the key, the associated data or the box is wrong. */
export function decrypt(key: Uint8Array, box: Uint8Array, associatedData: Uint8Array): Uint8Array | null {
  if (box.length < NONCE_BYTES + TAG_BYTES) return null;
  try {
    return sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(
      null,
      box.subarray(NONCE_BYTES),
      associatedData,
      box.subarray(0, NONCE_BYTES),
      key,
    );
  } catch {
    return null;
  }
}

/** Keyed BLAKE2b (RFC 7693), `length` bytes. */
export function keyedHash(key: Uint8Array, message: string | Uint8Array, length = 32): Buffer {
  return Buffer.from(sodium.crypto_generichash(length, message, key));
}

/** Overwrites key material. */
export function wipe(...buffers: Uint8Array[]): void {
  for (const buffer of buffers) buffer.fill(0);
}

/**
 * Encodes a list of fields for associated data and MACs. Length-prefixed, so that different lists encode differently.
 */
export function encodeFields(fields: readonly string[]): Buffer {
  const parts: Buffer[] = [];
  for (const field of fields) {
    const bytes = Buffer.from(field, 'utf8');
    const length = Buffer.allocUnsafe(4);
    length.writeUInt32BE(bytes.length);
    parts.push(length, bytes);
  }
  return Buffer.concat(parts);
}
