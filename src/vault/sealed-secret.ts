import type { Random } from '../platform/random.ts';
import { SecretString } from '../platform/secret-string.ts';
import { decrypt, encodeFields, encrypt, KEY_BYTES, wipe } from './aead.ts';
import type { KekId, SecretId } from './ids.ts';

/** A stored secret. `id` is also the id of its data key. */
export interface SealedSecret {
  id: SecretId;
  /** The KEK that wraps the data key. */
  kekId: KekId;
  wrappedKey: Buffer;
  ciphertext: Buffer;
}

/** What a secret is bound to, e.g. `['credential', tenant, connection, …]`. It only opens under the same list. */
export type SealContext = readonly string[];

/** An opened key of the ring. */
export interface Kek {
  id: KekId;
  key: Uint8Array;
}

/**
 * A stored secret can't be opened: it was altered, moved to another row, or is under another key. Never retried with
 * other keys.
 */
export class DecryptionError extends Error {
  constructor(readonly secretId: string) {
    super(`sealed secret ${secretId} cannot be opened`);
    this.name = 'DecryptionError';
  }
}

const FORMAT = 1;

/**
 * Seals a secret under a fresh data key, which `kek` wraps. Both are stored as format ‖ nonce ‖ ciphertext ‖ tag. The
 * data key is bound to its id and the KEK's id; the secret to its context and the data key's id.
 */
export function seal(id: SecretId, secret: SecretString, context: SealContext, kek: Kek, random: Random): SealedSecret {
  const dataKey = random.bytes(KEY_BYTES);
  const plaintext = Buffer.from(secret.expose(), 'utf8');
  try {
    return {
      id,
      kekId: kek.id,
      wrappedKey: wrapDataKey(id, dataKey, kek, random),
      ciphertext: Buffer.concat([Buffer.of(FORMAT), encrypt(dataKey, plaintext, secretData(id, context), random)]),
    };
  } finally {
    wipe(dataKey, plaintext);
  }
}

/** Returns the secret's plaintext. Throws `DecryptionError`. */
export function open(sealed: SealedSecret, context: SealContext, kek: Kek): SecretString {
  const dataKey = unwrapDataKey(sealed, kek);
  try {
    const plaintext =
      sealed.ciphertext[0] === FORMAT
        ? decrypt(dataKey, sealed.ciphertext.subarray(1), secretData(sealed.id, context))
        : null;
    if (plaintext === null) throw new DecryptionError(sealed.id);
    const secret = new SecretString(
      Buffer.from(plaintext.buffer, plaintext.byteOffset, plaintext.length).toString('utf8'),
    );
    wipe(plaintext);
    return secret;
  } finally {
    wipe(dataKey);
  }
}

/** Wraps the same data key under another KEK. The secret itself is unchanged. */
export function rewrap(
  sealed: SealedSecret,
  from: Kek,
  to: Kek,
  random: Random,
): Pick<SealedSecret, 'kekId' | 'wrappedKey'> {
  const dataKey = unwrapDataKey(sealed, from);
  try {
    return { kekId: to.id, wrappedKey: wrapDataKey(sealed.id, dataKey, to, random) };
  } finally {
    wipe(dataKey);
  }
}

function wrapDataKey(id: SecretId, dataKey: Uint8Array, kek: Kek, random: Random): Buffer {
  return Buffer.concat([Buffer.of(FORMAT), encrypt(kek.key, dataKey, keyData(id, kek.id), random)]);
}

function unwrapDataKey(sealed: SealedSecret, kek: Kek): Uint8Array {
  const dataKey =
    sealed.kekId === kek.id && sealed.wrappedKey[0] === FORMAT
      ? decrypt(kek.key, sealed.wrappedKey.subarray(1), keyData(sealed.id, kek.id))
      : null;
  if (dataKey === null) throw new DecryptionError(sealed.id);
  return dataKey;
}

function keyData(id: SecretId, kekId: KekId): Buffer {
  return encodeFields(['metavault data key', String(FORMAT), id, kekId]);
}

function secretData(id: SecretId, context: SealContext): Buffer {
  return encodeFields(['metavault secret', String(FORMAT), id, ...context]);
}
