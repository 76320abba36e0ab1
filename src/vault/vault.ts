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

/** Seals, stores, opens and destroys secrets. Knows only bytes and keys; the context gives them meaning. */
export class Vault {
  constructor(
    private readonly ring: KeyRing,
    private readonly source: { clock: Clock; ids: Ids; random: Random },
  ) {}

  /** Seals and stores a secret in the given transaction. Returns its id. */
  async put(executor: SqlExecutor, secret: SecretString, context: SealContext): Promise<SecretId> {
    const id = this.source.ids.next('sec');
    for (let attempt = 0; attempt < 3; attempt++) {
      const sealed = seal(id, secret, context, this.ring.activeKek(), this.source.random);
      // Fails if another replica has just replaced the key: a key that still seals could never be retired.
      const { kekId, wrappedKey, ciphertext } = sealed;
      const secretRow = { id, kekId, wrappedKey, ciphertext, createdAt: this.source.clock.now() };
      if (await insertSealedSecret(executor, secretRow)) return id;
      await this.ring.reload();
    }
    throw new Error('the key ring has no active key for sealing');
  }

  /** Seals and stores secrets with one statement in the given transaction. Returns their ids in order. */
  async putAll(
    executor: SqlExecutor,
    secrets: readonly { secret: SecretString; context: SealContext }[],
  ): Promise<SecretId[]> {
    return this.sealAll(secrets, async (sealed) => {
      const createdAt = this.source.clock.now();
      const rows = sealed.map((each) => ({ ...each, createdAt }));
      return (await insertSealedSecrets(executor, rows)) ? sealed.map(({ id }) => id) : null;
    });
  }

  /**
   * Seals secrets under one KEK for `store` to write. It returns null, having written nothing, if that key is no longer
   * active (`activeKekSql`); they are then sealed again.
   */
  async sealAll<T>(
    secrets: readonly { secret: SecretString; context: SealContext }[],
    store: (sealed: SealedSecret[]) => Promise<T | null>,
  ): Promise<T> {
    const ids = secrets.map(() => this.source.ids.next('sec'));
    for (let attempt = 0; attempt < 3; attempt++) {
      const kek = this.ring.activeKek();
      const sealed = secrets.map(({ secret, context }, index) =>
        seal(ids[index] as SecretId, secret, context, kek, this.source.random),
      );
      const stored = await store(sealed);
      if (stored !== null) return stored;
      await this.ring.reload();
    }
    throw new Error('the key ring has no active key for sealing');
  }

  /** Opens the secret of a row. Throws `DecryptionError` if it doesn't open under this context. */
  async open(row: SealedSecretRow, context: SealContext): Promise<SecretString> {
    const kek = this.ring.getCachedKek(row.kek_id) ?? (await this.ring.findKek(row.kek_id));
    if (kek === null) throw new DecryptionError(row.secret_id);
    return open(fromRow(row), context, kek);
  }

  /** Reads and opens a secret. Null if it was destroyed. */
  async get(executor: SqlExecutor, id: SecretId, context: SealContext): Promise<SecretString | null> {
    const row = await findSealedSecret(executor, id);
    return row === null ? null : this.open(row, context);
  }

  /** Destroys data keys and ciphertexts. Copies in backups still open with the KEK, see docs/threat-model.md. */
  async destroy(executor: SqlExecutor, ids: readonly SecretId[]): Promise<void> {
    if (ids.length === 0) return;
    await deleteSealedSecrets(executor, ids);
  }
}

function fromRow(row: SealedSecretRow): SealedSecret {
  return { id: row.secret_id, kekId: row.kek_id, wrappedKey: row.wrapped_key, ciphertext: row.ciphertext };
}
