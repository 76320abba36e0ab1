import { Injectable } from '@nestjs/common';
import { Database, type Transaction } from '../../database/database.ts';
import type { SqlExecutor } from '../../database/statement.ts';
import { Clock } from '../../platform/clock.ts';

export type KekState = 'active' | 'decrypt_only' | 'retired';

/** A key-encryption key as people see it. */
export interface KekRow {
  id: string;
  state: KekState;
  /** The root key that wraps it, or did last. */
  root_key_id: string;
  created_at: Date;
  retired_at: Date | null;
  /** How many data keys it wraps. */
  data_keys: number;
}

export type KekRetirement =
  | { outcome: 'retired' | 'was_retired' | 'unknown' | 'active' }
  | { outcome: 'in_use'; dataKeys: number };

/** The KEKs as rows: how much each one wraps, and their end. The keys of the audit chain and of look-up hashes are not among them. */
@Injectable()
export class KekRepository {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** Up to `limit` + 1 KEKs after the id `after`, the oldest first, as `toPage` wants them. */
  list(limit: number, after: string | null): Promise<KekRow[]> {
    return this.database.rows<KekRow>({
      text: `SELECT k.id, k.state, k.root_key_id, k.created_at, k.retired_at, n.data_keys FROM (
          SELECT * FROM encryption_key WHERE purpose = 'data' AND ($1::text IS NULL OR id > $1) ORDER BY id LIMIT $2
        ) k CROSS JOIN LATERAL (SELECT count(*)::integer AS data_keys FROM sealed_secret s WHERE s.kek_id = k.id) n ORDER BY k.id`,
      values: [after, limit + 1],
    });
  }

  /**
   * Destroys the stored key of a KEK that nothing needs any more. `record` writes what has to be committed with it, and is called only
   * where the key is retired by this call. What was wrapped by it can't be opened again, by anybody, from this database.
   */
  retire(id: string, record: (tx: Transaction) => Promise<void>): Promise<KekRetirement> {
    return this.database.transaction(async (tx) => {
      // FOR UPDATE, not the weaker lock of an UPDATE: it waits for those who seal under this key at the moment, and stops new ones.
      const [key] = await tx.rows<{ state: KekState }>({
        text: `SELECT state FROM encryption_key WHERE id = $1 AND purpose = 'data' FOR UPDATE`,
        values: [id],
      });
      if (key === undefined) return { outcome: 'unknown' };
      if (key.state === 'retired') return { outcome: 'was_retired' };
      if (key.state === 'active') return { outcome: 'active' };
      const dataKeys = await countDataKeys(tx, id);
      if (dataKeys > 0) return { outcome: 'in_use', dataKeys };
      await tx.run({
        text: `UPDATE encryption_key SET state = 'retired', wrapped = NULL, retired_at = $2 WHERE id = $1`,
        values: [id, this.clock.now()],
      });
      await record(tx);
      return { outcome: 'retired' };
    });
  }
}

async function countDataKeys(sql: SqlExecutor, id: string): Promise<number> {
  const [row] = await sql.rows<{ count: number }>({
    text: 'SELECT count(*)::integer AS count FROM sealed_secret WHERE kek_id = $1',
    values: [id],
  });
  return row?.count ?? 0;
}
