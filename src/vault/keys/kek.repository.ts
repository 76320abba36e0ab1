import { Injectable } from '@nestjs/common';
import sql from 'sql-template-tag';
import { Database, type Transaction } from '../../database/database.ts';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import { Clock } from '../../platform/clock.ts';
import type { KekId } from '../ids.ts';
import { type KekState, lockKek, retireKek } from './encryption-key.repository.ts';

/** A key-encryption key as listed. */
export interface KekRow {
  id: KekId;
  state: KekState;
  /** The root key that wraps or last wrapped it. */
  root_key_id: string;
  created_at: Date;
  retired_at: Date | null;
  /** Number of data keys it wraps. */
  data_keys: number;
}

type KekRetirement =
  | { outcome: 'retired' | 'was_retired' | 'unknown' | 'active' }
  | { outcome: 'in_use'; dataKeys: number };

const findStatement = defineStatement<{ id: KekId }, KekRow>(
  'kek_find',
  ({ id }) => sql`SELECT k.id, k.state, k.root_key_id, k.created_at, k.retired_at,
      (SELECT count(*)::integer FROM sealed_secret s WHERE s.kek_id = k.id) AS data_keys
    FROM encryption_key k WHERE k.purpose = 'data' AND k.id = ${id}`,
);

const listStatement = defineStatement<{ after: string | null; limit: number }, KekRow>(
  'kek_list',
  ({ after, limit }) => sql`SELECT k.id, k.state, k.root_key_id, k.created_at, k.retired_at, n.data_keys FROM (
      SELECT * FROM encryption_key WHERE purpose = 'data' AND (${after}::text IS NULL OR id > ${after}) ORDER BY id LIMIT ${limit}
    ) k CROSS JOIN LATERAL (SELECT count(*)::integer AS data_keys FROM sealed_secret s WHERE s.kek_id = k.id) n ORDER BY k.id`,
);

const countStatement = defineStatement<{ id: KekId }, { count: number }>(
  'kek_data_key_count',
  ({ id }) => sql`SELECT count(*)::integer AS count FROM sealed_secret WHERE kek_id = ${id}`,
);

/** Lists and retires KEKs. Excludes the keys for the audit chain and for lookup hashes. */
@Injectable()
export class KekRepository {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  async find(id: KekId): Promise<KekRow | null> {
    const [row] = await this.database.rows(findStatement({ id }));
    return row ?? null;
  }

  /** Returns up to `limit` + 1 KEKs after the id `after`, oldest first, as `toPage` expects. */
  list(limit: number, after: string | null): Promise<KekRow[]> {
    return this.database.rows(listStatement({ after, limit: limit + 1 }));
  }

  /**
   * Destroys the stored key of an unused KEK. After that, nothing it wrapped can be opened from this database. `record`
   * runs in the same transaction, if this call retires the key. `isRevived`: it was retired before and put back, so
   * what it wraps can't be opened and doesn't count as use.
   */
  retire(
    id: KekId,
    record: (tx: Transaction) => Promise<void>,
    { isRevived = false }: { isRevived?: boolean } = {},
  ): Promise<KekRetirement> {
    return this.database.longRunning.transaction(async (tx) => {
      const state = await lockKek(tx, id);
      if (state === null) return { outcome: 'unknown' };
      if (state === 'retired') return { outcome: 'was_retired' };
      if (state === 'active') return { outcome: 'active' };
      const dataKeys = isRevived ? 0 : await countDataKeys(tx, id);
      if (dataKeys > 0) return { outcome: 'in_use', dataKeys };
      await retireKek(tx, id, this.clock.now());
      await record(tx);
      return { outcome: 'retired' };
    });
  }
}

async function countDataKeys(executor: SqlExecutor, id: KekId): Promise<number> {
  const [row] = await executor.rows(countStatement({ id }));
  return row?.count ?? 0;
}
