import type { Random } from '../../platform/random.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { decrypt, encodeFields, encrypt, KEY_BYTES, keyedHash } from '../aead.ts';
import { RootKey } from './root-key.ts';

const FORMAT = 1;

/** The root key from the environment: 32 bytes in base64. */
export class LocalRootKey extends RootKey {
  override readonly id: string;
  readonly #key: Buffer;

  constructor(
    encoded: SecretString,
    private readonly random: Random,
  ) {
    super();
    this.#key = Buffer.from(encoded.expose(), 'base64');
    if (this.#key.length !== KEY_BYTES) throw new Error(`a root key must be ${KEY_BYTES} bytes in base64`);
    this.id = `local:${keyedHash(this.#key, 'metavault root key fingerprint').toString('hex', 0, 8)}`;
  }

  override async wrap(key: Uint8Array, context: Readonly<Record<string, string>>): Promise<Buffer> {
    return Buffer.concat([Buffer.of(FORMAT), encrypt(this.#key, key, associatedData(context), this.random)]);
  }

  override async unwrap(wrapped: Uint8Array, context: Readonly<Record<string, string>>): Promise<Uint8Array> {
    const key = wrapped[0] === FORMAT ? decrypt(this.#key, wrapped.subarray(1), associatedData(context)) : null;
    if (key === null) throw new Error(`root key ${this.id} cannot open this key of the ring`);
    return key;
  }
}

function associatedData(context: Readonly<Record<string, string>>): Buffer {
  const names = Object.keys(context).sort();
  return encodeFields(['metavault root', ...names.flatMap((name) => [name, context[name] ?? ''])]);
}
