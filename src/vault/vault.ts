import type { SqlExecutor } from '../database/statement.ts';
import type { Clock } from '../platform/clock.ts';
import type { Ids } from '../platform/ids.ts';
import type { Random } from '../platform/random.ts';
import type { SecretString } from '../platform/secret-string.ts';
import { KeyRing } from './keys/key-ring.ts';
import { DecryptionError, open, type SealContext, type SealedSecret, seal } from './sealed-secret.ts';

/** The columns of sealed_secret, for statements of other rooms that read one on their way. */
export interface SealedSecretRow {
  secret_id: string;
  kek_id: string;
  wrapped_key: Buffer;
  ciphertext: Buffer;
}

/** Seals, keeps, opens and destroys secrets. Knows bytes and keys; what they are for stands in the context. */
export class Vault {
  constructor(
    private readonly ring: KeyRing,
    private readonly source: { clock: Clock; ids: Ids; random: Random },
  ) {}

  /** Seals and stores a secret; returns its id. Committed with the transaction it is given. */
  async put(sql: SqlExecutor, secret: SecretString, context: SealContext): Promise<string> {
    const id = this.source.ids.next('sec');
    for (let attempt = 0; attempt < 3; attempt++) {
      const sealed = seal(id, secret, context, this.ring.activeKek(), this.source.random);
      // Another replica may have replaced this key a moment ago: nothing may be sealed under it any more, or it could never be retired.
      const stored = await sql.run({
        name: 'sealed_secret_put',
        text: `INSERT INTO sealed_secret (id, kek_id, wrapped_key, ciphertext, created_at)
          SELECT $1, k.id, $3, $4, $5 FROM encryption_key k WHERE k.id = $2 AND k.state = 'active' FOR KEY SHARE`,
        values: [id, sealed.kekId, sealed.wrappedKey, sealed.ciphertext, this.source.clock.now()],
      });
      if (stored === 1) return id;
      await this.ring.reload();
    }
    throw new Error('no key of the ring may seal');
  }

  /** The secret of a row that was read already. Throws `DecryptionError` where it does not open under this context. */
  async open(row: SealedSecretRow, context: SealContext): Promise<SecretString> {
    const kek = this.ring.getCachedKek(row.kek_id) ?? (await this.ring.findKek(row.kek_id));
    if (kek === null) throw new DecryptionError(row.secret_id);
    return open(fromRow(row), context, kek);
  }

  /** Reads and opens a secret. Null where it has been destroyed. */
  async get(sql: SqlExecutor, id: string, context: SealContext): Promise<SecretString | null> {
    const [row] = await sql.rows<SealedSecretRow>({
      name: 'sealed_secret_get',
      text: 'SELECT id AS secret_id, kek_id, wrapped_key, ciphertext FROM sealed_secret WHERE id = $1',
      values: [id],
    });
    return row === undefined ? null : this.open(row, context);
  }

  /** Destroys data keys and ciphertexts. What backups still hold is opened by the KEK only, see docs/threat-model.md. */
  async destroy(sql: SqlExecutor, ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    await sql.run({ text: 'DELETE FROM sealed_secret WHERE id = ANY ($1)', values: [ids] });
  }
}

function fromRow(row: SealedSecretRow): SealedSecret {
  return { id: row.secret_id, kekId: row.kek_id, wrappedKey: row.wrapped_key, ciphertext: row.ciphertext };
}
