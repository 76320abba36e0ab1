import { Injectable } from '@nestjs/common';
import { Database, type Transaction } from '../../database/database.ts';
import { listPartitions } from '../../database/partitions/partition.repository.ts';
import { RowMac } from '../../database/row-mac.ts';
import { readProtectedTables } from '../../database/row-mac-requirement.repository.ts';
import type { SqlExecutor } from '../../database/statement.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { DAY_SECONDS } from '../../platform/duration.ts';
import { type Actor, SYSTEM } from '../actor.ts';
import { AuditLog, type NewAuditEntry } from '../audit-log.ts';
import { PROTECTED_TABLES_DETAIL } from '../row-mac-evidence.query.ts';
import { AuditChainBrokenError } from './audit-chain.ts';
import { type AuditCheckpoint, readCheckpoint, storeCheckpoint } from './audit-checkpoint.ts';
import { isLockTimeout, lockChain, readTip } from './audit-link.repository.ts';
import {
  deleteLinkedEntries,
  dropEmptyPartition,
  findFirstPosition,
  PRUNING_BATCH,
  type PrunedEntry,
  readLinkedEntries,
} from './audit-pruning.repository.ts';
import { ChainMac } from './chain-mac.ts';
import { ChainVerifier } from './chain-verifier.ts';
import { firstAuditIdAt } from './entry-id-time.ts';
import { firstIdRequiringMac } from './entry-mac.ts';

/** Entries that must survive pruning: they keep retired keys from being used again. */
const isTombstone = ({ action }: PrunedEntry): boolean => action === 'key.retired';

/** Late entries may still be linked among the newest ones, so these always stay. */
const MIN_RETAINED_SECONDS = DAY_SECONDS;

/** Copies a pruned tombstone into a new entry. */
function repeat({ at, subject_id, details }: PrunedEntry): NewAuditEntry {
  const retiredAt = details['retired_at'] ?? at.toISOString();
  return { action: 'key.retired', actor: SYSTEM, subjectId: subject_id, details: { retired_at: retiredAt } };
}

/** Pruning was refused and changed nothing. The message says why. */
export class PruneRefusedError extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'PruneRefusedError';
  }
}

/**
 * Removes the oldest entries, except that retirements of keys are recorded anew. The rest verifies from a sealed
 * checkpoint instead of the first link. Needs the right to delete audit entries, which migrations/roles.sql doesn't
 * give the service's database user.
 */
@Injectable()
export class AuditPruner {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly mac: ChainMac,
    private readonly audit: AuditLog,
    private readonly verifier: ChainVerifier,
    private readonly rowMac: RowMac,
  ) {}

  /**
   * Prunes entries older than `before` and returns how many. `archive` gets them first, oldest first, and must have
   * stored them when it returns. Verifies the record first, so that pruning hides nothing. Safe to call again after an
   * interruption. Throws `PruneRefusedError`.
   */
  async prune(actor: Actor, before: Date, archive: (entries: readonly PrunedEntry[]) => void): Promise<number> {
    if (before > addSeconds(this.clock.now(), -MIN_RETAINED_SECONDS))
      throw new PruneRefusedError('Entries of the last day cannot be pruned.');
    const { firstFault } = await this.verifier.verify();
    if (firstFault !== null) {
      throw new PruneRefusedError(`The record is damaged (${firstFault.reason}). Keep it as evidence.`);
    }
    const upTo = await this.lastPositionBefore(before);
    const { position: from } = await this.checkpoint(this.database);
    if (upTo <= from) return 0;
    await this.audit.record(this.database, {
      action: 'audit.pruned',
      actor,
      details: {
        before: before.toISOString(),
        from_position: from + 1,
        up_to_position: upTo,
        // Repeats what pruned entries may have recorded.
        [PROTECTED_TABLES_DETAIL]: [...(await readProtectedTables(this.database, this.rowMac))],
      },
    });
    let pruned = 0;
    for (let count = PRUNING_BATCH; count === PRUNING_BATCH; pruned += count) {
      count = await this.database.longRunning.transaction((tx) => this.pruneBatch(tx, upTo, archive));
    }
    await this.dropEmptyPartitions(before);
    return pruned;
  }

  /** Frees their disk space at once. If another session has one locked, the next call drops it. */
  private async dropEmptyPartitions(before: Date): Promise<void> {
    const { longRunning } = this.database;
    for (const table of ['audit_entry', 'audit_link'] as const) {
      const partitions = await listPartitions(longRunning, table);
      for (const { until } of partitions.filter((partition) => partition.until <= before)) {
        await dropEmptyPartition(longRunning, table, until).catch((error: unknown) => {
          if (!isLockTimeout(error)) throw error;
        });
      }
    }
  }

  /** Returns the last position to prune. Keeps the very last link, because the head is checked against it. */
  private async lastPositionBefore(before: Date): Promise<number> {
    const { head } = await readTip(this.database);
    const first = await findFirstPosition(this.database, firstAuditIdAt(before.getTime()));
    return Math.min((head?.entries ?? 0) - 1, first === null ? Number.POSITIVE_INFINITY : first - 1);
  }

  private async pruneBatch(
    tx: Transaction,
    upTo: number,
    archive: (entries: readonly PrunedEntry[]) => void,
  ): Promise<number> {
    await lockChain(tx);
    const { position: from, macsRequiredFrom } = await this.checkpoint(tx);
    const entries = await readLinkedEntries(tx, from, upTo);
    const last = entries.at(-1);
    if (last === undefined) return 0;
    archive(entries);
    await this.audit.recordAll(tx, entries.filter(isTombstone).map(repeat));
    const firstWithMac = entries.find(({ mac }) => mac !== null);
    const requiredFrom = macsRequiredFrom ?? (firstWithMac === undefined ? null : firstIdRequiringMac(firstWithMac));
    await storeCheckpoint(tx, this.mac, { position: last.position, mac: last.link, macsRequiredFrom: requiredFrom });
    await deleteLinkedEntries(
      tx,
      entries.map(({ id }) => id),
      last.position,
    );
    return entries.length;
  }

  private async checkpoint(executor: SqlExecutor): Promise<AuditCheckpoint> {
    const checkpoint = await readCheckpoint(executor, this.mac);
    if (checkpoint === null) throw new AuditChainBrokenError('checkpoint_changed');
    return checkpoint;
  }
}
