import type { SqlExecutor } from '../database/statement.ts';
import type { Clock } from '../platform/clock.ts';
import type { Ids } from '../platform/ids.ts';
import type { Random } from '../platform/random.ts';
import type { SecretString } from '../platform/secret-string.ts';
import type { SecretId } from './ids.ts';
import { KeyRing } from './keys/key-ring.ts';
import {
  deleteSealedSecrets,
  findSealedSecret,
  insertSealedSecret,
  insertSealedSecrets,
  type SealedSecretRow,
} from './sealed-secret.repository.ts';
import { DecryptionError, open, type SealContext, type SealedSecret, seal } from './sealed-secret.ts';

export type { SealedSecretRow };

/** Seals, stores, opens and destroys secrets. Knows only bytes and keys; the context says what they are for. */
export class Vault {
  constructor(
    private readonly ring: KeyRing,
    private readonly source: { clock: Clock; ids: Ids; random: Random },
  ) {}

  /** Seals and stores a secret; returns its id. Commits with the given transaction. */
  async put(executor: SqlExecutor, secret: SecretString, context: SealContext): Promise<SecretId> {
    const id = this.source.ids.next('sec');
    for (let attempt = 0; attempt < 3; attempt++) {
      const sealed = seal(id, secret, context, this.ring.activeKek(), this.source.random);
      // Another replica may just have replaced this key: nothing may be sealed under it any more, or it could never be retired.
      const { kekId, wrappedKey, ciphertext } = sealed;
      const secretRow = { id, kekId, wrappedKey, ciphertext, createdAt: this.source.clock.now() };
      if (await insertSealedSecret(executor, secretRow)) return id;
      await this.ring.reload();
    }
    throw new Error('no key of the ring may seal');
  }

  /** Seals and stores many secrets in one statement; returns their ids, in their order. Commits with the given transaction. */
  async putAll(
    executor: SqlExecutor,
    secrets: readonly { secret: SecretString; context: SealContext }[],
  ): Promise<SecretId[]> {
    const ids = secrets.map(() => this.source.ids.next('sec'));
    for (let attempt = 0; attempt < 3; attempt++) {
      const kek = this.ring.activeKek();
      const createdAt = this.source.clock.now();
      const rows = secrets.map(({ secret, context }, index) => {
        return { ...seal(ids[index] as SecretId, secret, context, kek, this.source.random), createdAt };
      });
      if (await insertSealedSecrets(executor, rows)) return ids;
      await this.ring.reload();
    }
    throw new Error('no key of the ring may seal');
  }

  /** The secret of a row that was already read. Throws `DecryptionError` if it does not open under this context. */
  async open(row: SealedSecretRow, context: SealContext): Promise<SecretString> {
    const kek = this.ring.getCachedKek(row.kek_id) ?? (await this.ring.findKek(row.kek_id));
    if (kek === null) throw new DecryptionError(row.secret_id);
    return open(fromRow(row), context, kek);
  }

  /** Reads and opens a secret. Null if it has been destroyed. */
  async get(executor: SqlExecutor, id: SecretId, context: SealContext): Promise<SecretString | null> {
    const row = await findSealedSecret(executor, id);
    return row === null ? null : this.open(row, context);
  }

  /** Destroys data keys and ciphertexts. Only the KEK can open what backups still hold, see docs/threat-model.md. */
  async destroy(executor: SqlExecutor, ids: readonly SecretId[]): Promise<void> {
    if (ids.length === 0) return;
    await deleteSealedSecrets(executor, ids);
  }
}

function fromRow(row: SealedSecretRow): SealedSecret {
  return { id: row.secret_id, kekId: row.kek_id, wrappedKey: row.wrapped_key, ciphertext: row.ciphertext };
}
