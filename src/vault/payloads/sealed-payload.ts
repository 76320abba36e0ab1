import type { Random } from '../../platform/random.ts';
import { decrypt, encodeFields, encrypt } from '../aead.ts';
import type { PayloadKeyId } from '../ids.ts';
import { DecryptionError } from '../sealed-secret.ts';
import type { PayloadKeyOwner } from './payload-key.repository.ts';

/** An opened payload key. Its holder must wipe it after use. */
export interface PayloadKey extends PayloadKeyOwner {
  id: PayloadKeyId;
  key: Uint8Array;
}

/** The row that a payload is bound to. */
export interface PayloadPlace {
  kind: 'event';
  rowId: string;
}

const FORMAT = 1;

/** Returns format ‖ nonce ‖ ciphertext ‖ tag, bound to the key, its tenant and day, and the row. */
export function sealPayload(text: string, place: PayloadPlace, key: PayloadKey, random: Random): Buffer {
  const box = encrypt(key.key, Buffer.from(text, 'utf8'), payloadData(place, key), random);
  return Buffer.concat([Buffer.of(FORMAT), box]);
}

/** Returns the payload's text. Throws `DecryptionError`. */
export function openPayload(payload: Uint8Array, place: PayloadPlace, key: PayloadKey): string {
  const plaintext = payload[0] === FORMAT ? decrypt(key.key, payload.subarray(1), payloadData(place, key)) : null;
  if (plaintext === null) throw new DecryptionError(place.rowId);
  return Buffer.from(plaintext.buffer, plaintext.byteOffset, plaintext.length).toString('utf8');
}

function payloadData({ kind, rowId }: PayloadPlace, { id, tenant, day }: PayloadKey): Buffer {
  return encodeFields(['metavault payload', String(FORMAT), kind, rowId, id, tenant, day]);
}
