import { Injectable } from '@nestjs/common';
import { Database, type Transaction } from '../../database/database.ts';
import type { SqlExecutor } from '../../database/statement.ts';
import { Clock } from '../../platform/clock.ts';
import { Random } from '../../platform/random.ts';
import type { KekId, SecretId } from '../ids.ts';
import { DecryptionError, type Kek, rewrap, type SealedSecret } from '../sealed-secret.ts';
import { findActiveKekId, holdActiveKek } from './encryption-key.repository.ts';
import {
  claimDataKeys,
  finishRewrap,
  isRewrapRunning,
  lockRunningRewrap,
  type RewrappedKey,
  readRewrapProgress,
  startRewrap,
  storeRewrappedKeys,
  type WrappedKeyRow,
} from './key-rewrap.repository.ts';
import { KeyRing } from './key-ring.ts';

export const REWRAP_STATES = ['idle', 'running', 'done', 'incomplete'] as const;

/**
 * `incomplete`: all keys were moved except those that can't be opened. Their KEK stays in use until the affected
 * connections are re-authorized.
 */
export type RewrapState = (typeof REWRAP_STATES)[number];

export interface RewrapProgress {
  state: RewrapState;
  /** Data keys to move when the rewrap was requested. */
  total: number;
  rewrapped: number;
  /** Data keys not under the active KEK now. */
  remaining: number;
  /** How many of them can't be opened. */
  unopenable: number;
  requestedAt: Date | null;
  finishedAt: Date | null;
}

/** Result of one step. */
interface RewrapStep {
  rewrapped: number;
  /** Secrets that can't be opened and were left unchanged. */
  undecryptableIds: SecretId[];
  /** Where to continue; null at the end. */
  last: RewrapCursor | null;
}

export interface RewrapCursor {
  kekId: KekId;
  secretId: SecretId;
}

const EMPTY = Buffer.alloc(0);

/**
 * Moves data keys to the active KEK, in one transaction per step. Replicas can work in parallel: each skips rows locked
 * by others. The rows hold the progress, so a crash leaves nothing to clean up. Secrets stay unchanged and can be
 * opened throughout, because each row names its KEK.
 */
@Injectable()
export class KeyRewrap {
  constructor(
    private readonly database: Database,
    private readonly ring: KeyRing,
    private readonly clock: Clock,
    private readonly random: Random,
  ) {}

  /** Requests a rewrap. Returns false if one is already running. */
  request(tx: Transaction): Promise<boolean> {
    return startRewrap(tx, this.clock.now());
  }

  async progress(executor: SqlExecutor = this.database): Promise<RewrapProgress> {
    const row = await readRewrapProgress(executor);
    return {
      state: row.state ?? 'idle',
      total: row.total ?? 0,
      rewrapped: row.rewrapped ?? 0,
      remaining: row.remaining,
      unopenable: row.unopenable ?? 0,
      requestedAt: row.requested_at,
      finishedAt: row.finished_at,
    };
  }

  isRunning(): Promise<boolean> {
    return isRewrapRunning(this.database);
  }

  /** Moves up to `limit` data keys after `after`. */
  async step(after: RewrapCursor | null, limit: number): Promise<RewrapStep> {
    const active = await this.activeKek();
    if (active === null) return { rewrapped: 0, undecryptableIds: [], last: after };
    return this.database.longRunning.transaction(async (tx) => {
      // Keeps the target active until this step commits.
      if (!(await holdActiveKek(tx, active.id))) return { rewrapped: 0, undecryptableIds: [], last: after };
      const rows = await claimDataKeys(tx, after, limit);
      const { moved, undecryptableIds } = await this.rewrapRows(rows, active);
      const rewrapped = await storeRewrappedKeys(tx, moved, active.id);
      const last = rows.at(-1);
      return {
        rewrapped,
        undecryptableIds,
        last: last === undefined ? null : { kekId: last.kek_id, secretId: last.id },
      };
    });
  }

  /**
   * Ends the rewrap if all remaining secrets are among the `unopenable` ones. `record` runs in the same transaction.
   * Returns false if more remain or another replica has ended it.
   */
  async finish(unopenable: number, record: (tx: Transaction, end: RewrapProgress) => Promise<void>): Promise<boolean> {
    return this.database.longRunning.transaction(async (tx) => {
      const isRunning = await lockRunningRewrap(tx);
      const { remaining } = await this.progress(tx);
      if (!isRunning || remaining > unopenable) return false;
      await finishRewrap(tx, remaining, this.clock.now());
      await record(tx, await this.progress(tx));
      return true;
    });
  }

  /** Returns the database's active KEK, loading it if needed. Null if it is being replaced. */
  private async activeKek(): Promise<Kek | null> {
    const id = await findActiveKekId(this.database);
    return id === null ? null : this.ring.findKek(id);
  }

  private async rewrapRows(
    rows: readonly WrappedKeyRow[],
    active: Kek,
  ): Promise<{ moved: RewrappedKey[]; undecryptableIds: SecretId[] }> {
    const moved: RewrappedKey[] = [];
    const undecryptableIds: SecretId[] = [];
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

function toSealed(row: WrappedKeyRow): SealedSecret {
  return { id: row.id, kekId: row.kek_id, wrappedKey: row.wrapped_key, ciphertext: EMPTY };
}
