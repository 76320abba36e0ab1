import type { Random } from '../platform/random.ts';
import { SecretString } from '../platform/secret-string.ts';
import { decrypt, encodeFields, encrypt, KEY_BYTES, wipe } from './aead.ts';
import type { KekId, SecretId } from './ids.ts';

/** A sealed secret as it is stored. `id` is also the id of its data key. */
export interface SealedSecret {
  id: SecretId;
  /** The key-encryption key that wraps the data key. */
  kekId: KekId;
  wrappedKey: Buffer;
  ciphertext: Buffer;
}

/** What a secret is bound to: it opens only under exactly the same list, e.g. `['credential', tenant, connection, …]`. */
export type SealContext = readonly string[];

/** A key of the ring, opened. */
export interface Kek {
  id: KekId;
  key: Uint8Array;
}

/** A stored secret does not open: changed, moved to another row, or under another key. Never retried with other keys. */
export class DecryptionError extends Error {
  constructor(readonly secretId: string) {
    super(`the sealed secret ${secretId} does not open`);
    this.name = 'DecryptionError';
  }
}

const FORMAT = 1;

/**
 * Envelope encryption: a fresh data key for this secret, wrapped by `kek`.
 * Stored as format ‖ nonce ‖ ciphertext ‖ tag, twice. The data key is bound to its own id and the KEK's; the secret to its
 * context, its own id and, by the data key's id, to that one data key.
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

/** The secret's plaintext. Throws `DecryptionError`. */
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

/** The same data key under another KEK: the secret itself is not changed. */
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
