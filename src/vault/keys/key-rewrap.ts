import { Injectable } from '@nestjs/common';
import { Database, type Transaction } from '../../database/database.ts';
import type { SqlExecutor } from '../../database/statement.ts';
import { Clock } from '../../platform/clock.ts';
import { Random } from '../../platform/random.ts';
import { DecryptionError, type Kek, rewrap, type SealedSecret } from '../sealed-secret.ts';
import { KeyRing } from './key-ring.ts';

/** `incomplete`: all was moved but secrets that do not open, which keep their old key in use until their connections are made anew. */
export type RewrapState = 'idle' | 'running' | 'done' | 'incomplete';

export interface RewrapProgress {
  state: RewrapState;
  /** Data keys that were to be moved when it was asked for. */
  total: number;
  rewrapped: number;
  /** Data keys under another KEK than the active one, at this moment. */
  remaining: number;
  /** Of those, how many did not open. */
  unopenable: number;
  requestedAt: Date | null;
  finishedAt: Date | null;
}

/** What one step did. `last`: where to go on after. */
export interface RewrapStep {
  rewrapped: number;
  /** Secrets that did not open; left as they are. */
  undecryptableIds: string[];
  /** Null: nothing more was found from here on. */
  last: RewrapCursor | null;
}

export interface RewrapCursor {
  kekId: string;
  secretId: string;
}

interface WrappedRow {
  id: string;
  kek_id: string;
  wrapped_key: Buffer;
}

const EMPTY = Buffer.alloc(0);

/**
 * Moves data keys to the active KEK, in steps that each commit by themselves. Any number of replicas may step at the same time: rows
 * that one has locked are passed over by the others. A replica that dies leaves nothing behind, because what is done stands on the
 * rows. Secrets themselves are not touched, and open throughout: every row says which KEK wraps it.
 */
@Injectable()
export class KeyRewrap {
  constructor(
    private readonly database: Database,
    private readonly ring: KeyRing,
    private readonly clock: Clock,
    private readonly random: Random,
  ) {}

  /** Asks for a rewrap. False where one is running already. */
  async request(tx: Transaction): Promise<boolean> {
    const started = await tx.run({
      text: `INSERT INTO key_rewrap (id, state, total, requested_at) VALUES (1, 'running', ${REMAINING}, $1)
        ON CONFLICT (id) DO UPDATE SET state = 'running', total = ${REMAINING}, rewrapped = 0, unopenable = 0,
          requested_at = $1, finished_at = NULL WHERE key_rewrap.state <> 'running'`,
      values: [this.clock.now()],
    });
    return started === 1;
  }

  async progress(sql: SqlExecutor = this.database): Promise<RewrapProgress> {
    const [row] = await sql.rows<ProgressRow>({
      text: `SELECT r.state, r.total, r.rewrapped, r.unopenable, r.requested_at, r.finished_at, ${REMAINING} AS remaining
        FROM (SELECT 1) one LEFT JOIN key_rewrap r ON true`,
    });
    return {
      state: row?.state ?? 'idle',
      total: row?.total ?? 0,
      rewrapped: row?.rewrapped ?? 0,
      remaining: row?.remaining ?? 0,
      unopenable: row?.unopenable ?? 0,
      requestedAt: row?.requested_at ?? null,
      finishedAt: row?.finished_at ?? null,
    };
  }

  async isRunning(): Promise<boolean> {
    const text = `SELECT 1 FROM key_rewrap WHERE state = 'running'`;
    return (await this.database.rows({ name: 'rewrap_running', text })).length > 0;
  }

  /** Moves up to `limit` data keys, from `after` on. */
  async step(after: RewrapCursor | null, limit: number): Promise<RewrapStep> {
    const active = await this.activeKek();
    if (active === null) return { rewrapped: 0, undecryptableIds: [], last: after };
    return this.database.transaction(async (tx) => {
      // Holds the target: it can neither be replaced nor retired before this step has committed.
      const held = await tx.rows({
        text: `SELECT 1 FROM encryption_key WHERE id = $1 AND state = 'active' FOR KEY SHARE`,
        values: [active.id],
      });
      if (held.length === 0) return { rewrapped: 0, undecryptableIds: [], last: after };
      const rows = await claim(tx, after, limit);
      const { moved, undecryptableIds } = await this.rewrapRows(rows, active);
      const rewrapped = await store(tx, moved, active.id);
      if (rewrapped > 0) {
        await tx.run({ text: 'UPDATE key_rewrap SET rewrapped = rewrapped + $1 WHERE id = 1', values: [rewrapped] });
      }
      const last = rows.at(-1);
      return {
        rewrapped,
        undecryptableIds,
        last: last === undefined ? null : { kekId: last.kek_id, secretId: last.id },
      };
    });
  }

  /**
   * Ends the job where nothing is left to do but what can't be opened. `record` writes what has to be committed with it. False where
   * there is more to do, or where another replica has ended it.
   */
  async finish(unopenable: number, record: (tx: Transaction, end: RewrapProgress) => Promise<void>): Promise<boolean> {
    return this.database.transaction(async (tx) => {
      const [job] = await tx.rows<{ state: string }>({ text: 'SELECT state FROM key_rewrap WHERE id = 1 FOR UPDATE' });
      const { remaining } = await this.progress(tx);
      if (job?.state !== 'running' || remaining > unopenable) return false;
      await tx.run({
        text: `UPDATE key_rewrap SET state = CASE WHEN $1 = 0 THEN 'done' ELSE 'incomplete' END, unopenable = $1, finished_at = $2`,
        values: [remaining, this.clock.now()],
      });
      await record(tx, await this.progress(tx));
      return true;
    });
  }

  /** The active KEK of the database, which this replica may not know yet. Null where it changes at this very moment. */
  private async activeKek(): Promise<Kek | null> {
    const text = `SELECT id FROM encryption_key WHERE purpose = 'data' AND state = 'active'`;
    const [row] = await this.database.rows<{ id: string }>({ text });
    return row === undefined ? null : this.ring.findKek(row.id);
  }

  private async rewrapRows(
    rows: readonly WrappedRow[],
    active: Kek,
  ): Promise<{ moved: RewrappedRow[]; undecryptableIds: string[] }> {
    const moved: RewrappedRow[] = [];
    const undecryptableIds: string[] = [];
    for (const row of rows) {
      const from = await this.ring.findKek(row.kek_id);
      try {
        if (from === null) throw new DecryptionError(row.id);
        const { wrappedKey } = rewrap(toSealed(row), from, active, this.random);
        moved.push({ id: row.id, from: row.kek_id, wrappedKey });
      } catch (error) {
        if (!(error instanceof DecryptionError)) throw error;
        undecryptableIds.push(row.id);
      }
    }
    return { moved, undecryptableIds };
  }
}

interface RewrappedRow {
  id: string;
  from: string;
  wrappedKey: Buffer;
}

interface ProgressRow {
  state: Exclude<RewrapState, 'idle'> | null;
  total: number | null;
  rewrapped: number | null;
  unopenable: number | null;
  requested_at: Date | null;
  finished_at: Date | null;
  remaining: number;
}

/** The next rows under one of the old KEKs, one KEK at a time; what others hold at the moment is theirs. */
async function claim(tx: Transaction, after: RewrapCursor | null, limit: number): Promise<WrappedRow[]> {
  const inactiveKeks = await tx.rows<{ id: string }>({
    text: `SELECT id FROM encryption_key WHERE purpose = 'data' AND state <> 'active' AND id >= $1 ORDER BY id`,
    values: [after?.kekId ?? ''],
  });
  for (const { id } of inactiveKeks) {
    const rows = await tx.rows<WrappedRow>({
      name: 'rewrap_claim',
      text: `SELECT id, kek_id, wrapped_key FROM sealed_secret WHERE kek_id = $1 AND id > $2
        ORDER BY id LIMIT $3 FOR UPDATE SKIP LOCKED`,
      values: [id, id === after?.kekId ? after.secretId : '', limit],
    });
    if (rows.length > 0) return rows;
  }
  return [];
}

const REMAINING = `(SELECT count(*)::integer FROM sealed_secret s WHERE s.kek_id IN
  (SELECT k.id FROM encryption_key k WHERE k.purpose = 'data' AND k.state <> 'active'))`;

/** Compare-and-set on the KEK: a row that changed meanwhile keeps what it has. */
function store(tx: Transaction, moved: readonly RewrappedRow[], kekId: string): Promise<number> {
  return tx.run({
    name: 'rewrap_store',
    text: `UPDATE sealed_secret s SET kek_id = $1, wrapped_key = m.wrapped_key
      FROM unnest($2::text[], $3::text[], $4::bytea[]) AS m (id, from_kek, wrapped_key) WHERE s.id = m.id AND s.kek_id = m.from_kek`,
    values: [
      kekId,
      moved.map(({ id }) => id),
      moved.map(({ from }) => from),
      moved.map(({ wrappedKey }) => wrappedKey),
    ],
  });
}

function toSealed(row: WrappedRow): SealedSecret {
  return { id: row.id, kekId: row.kek_id, wrappedKey: row.wrapped_key, ciphertext: EMPTY };
}
