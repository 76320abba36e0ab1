import sodium from 'libsodium-wrappers';
import type { Random } from '../platform/random.ts';

await sodium.ready;

export const KEY_BYTES = sodium.crypto_aead_xchacha20poly1305_ietf_KEYBYTES;
const NONCE_BYTES = sodium.crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
const TAG_BYTES = sodium.crypto_aead_xchacha20poly1305_ietf_ABYTES;

/**
 * XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) by libsodium. Returns nonce ‖ ciphertext ‖ tag. The 192-bit nonce is drawn at random for
 * each call, which is safe for any number of messages that we will ever seal under one key. Nonces come from `node:crypto` through
 * `Random`: libsodium's own generator takes thirty times as long in WebAssembly.
 */
export function encrypt(key: Uint8Array, plaintext: Uint8Array, associatedData: Uint8Array, random: Random): Buffer {
  const nonce = random.bytes(NONCE_BYTES);
  const box = sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(plaintext, associatedData, null, nonce, key);
  return Buffer.concat([nonce, box]);
}

/** The plaintext, or null if the key, the associated data or a single bit of the box differs. */
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

/** Keyed BLAKE2b (RFC 7693) of `length` bytes, by default 32. */
export function keyedHash(key: Uint8Array, message: string | Uint8Array, length = 32): Buffer {
  return Buffer.from(sodium.crypto_generichash(length, message, key));
}

/** Overwrites key material that is no longer needed. */
export function wipe(...buffers: Uint8Array[]): void {
  for (const buffer of buffers) buffer.fill(0);
}

/**
 * An unambiguous encoding of a list of fields, for associated data and MACs: each field is length-prefixed, so that no two different lists
 * have the same bytes.
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
