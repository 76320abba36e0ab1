import type { Database, Transaction } from '../../database/database.ts';
import { addSeconds, type Clock } from '../../platform/clock.ts';
import { DAY_SECONDS } from '../../platform/duration.ts';
import type { AuditEntryRow } from '../audit-entry.query.ts';
import type { Actor, AuditLog } from '../audit-log.ts';
import { AuditChainBrokenError, CHAIN_LOCK, readTip } from './audit-chain.ts';
import { readCheckpoint, storeCheckpoint } from './audit-checkpoint.ts';
import type { ChainMac } from './chain-mac.ts';
import type { ChainVerifier } from './chain-verifier.ts';
import { firstAuditIdAt } from './entry-id-time.ts';
import { firstIdRequiringMac } from './entry-mac.ts';

const BATCH = 5_000;
/** The youngest entries always stay: late ones may still be on their way into the chain. */
const MIN_RETAINED_SECONDS = DAY_SECONDS;

/** An entry as it leaves the database: with its place, so that it can still be proven. */
export interface PrunedEntry extends AuditEntryRow {
  position: number;
  mac: Buffer | null;
  link: Buffer;
}

/** What was asked for can't be done; the message says why, and nothing was changed. */
export class PruneRefusedError extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'PruneRefusedError';
  }
}

/**
 * Removes the oldest entries. What stays is proven from a sealed checkpoint on, instead of from the first link. Needs the right to
 * delete from the record, which the service's own database user does not have under migrations/roles.sql.
 */
export class AuditPruner {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly mac: ChainMac,
    private readonly audit: AuditLog,
    private readonly verifier: ChainVerifier,
  ) {}

  /**
   * Prunes what was made before `before`; how many entries that were. `keep` gets them first, the oldest first, and must have stored
   * them when it returns. The record is proven first, so that nothing is covered up. Broken off, it can be called again.
   * Throws `PruneRefusedError`.
   */
  async prune(actor: Actor, before: Date, archive: (entries: readonly PrunedEntry[]) => void): Promise<number> {
    if (before > addSeconds(this.clock.now(), -MIN_RETAINED_SECONDS))
      throw new PruneRefusedError('The last day always stays.');
    const { firstFault } = await this.verifier.verify();
    if (firstFault !== null) {
      throw new PruneRefusedError(
        `The record does not hold (${firstFault.reason}): what it shows now must not be lost.`,
      );
    }
    const upTo = await this.lastPositionBefore(before);
    const { position: from } = await this.checkpoint(this.database);
    if (upTo <= from) return 0;
    await this.audit.record(this.database, {
      action: 'audit.pruned',
      actor,
      details: { before: before.toISOString(), from_position: from + 1, up_to_position: upTo },
    });
    let pruned = 0;
    for (let count = BATCH; count === BATCH; pruned += count) {
      count = await this.database.transaction((tx) => this.pruneBatch(tx, upTo, archive));
    }
    return pruned;
  }

  /** The links before the first that is younger. The last link of all stays: the head is held against it. */
  private async lastPositionBefore(before: Date): Promise<number> {
    const { head } = await readTip(this.database);
    const [row] = await this.database.rows<{ position: string | null }>({
      text: 'SELECT min(position) AS position FROM audit_link WHERE entry_id >= $1',
      values: [firstAuditIdAt(before.getTime())],
    });
    const first = row?.position ?? null;
    return Math.min((head?.entries ?? 0) - 1, first === null ? Number.POSITIVE_INFINITY : Number(first) - 1);
  }

  private async pruneBatch(
    tx: Transaction,
    upTo: number,
    archive: (entries: readonly PrunedEntry[]) => void,
  ): Promise<number> {
    await tx.run({ text: 'SELECT pg_advisory_xact_lock($1)', values: [CHAIN_LOCK] });
    const { position: from, macsRequiredFrom } = await this.checkpoint(tx);
    const entries = await readEntries(tx, from, upTo);
    const last = entries.at(-1);
    if (last === undefined) return 0;
    archive(entries);
    const firstWithMac = entries.find(({ mac }) => mac !== null);
    const requiredFrom = macsRequiredFrom ?? (firstWithMac === undefined ? null : firstIdRequiringMac(firstWithMac));
    await storeCheckpoint(tx, this.mac, { position: last.position, mac: last.link, macsRequiredFrom: requiredFrom });
    await tx.run({ text: 'DELETE FROM audit_link WHERE position <= $1', values: [last.position] });
    await tx.run({ text: 'DELETE FROM audit_entry WHERE id = ANY ($1)', values: [entries.map(({ id }) => id)] });
    return entries.length;
  }

  private async checkpoint(sql: Database | Transaction) {
    const checkpoint = await readCheckpoint(sql, this.mac);
    if (checkpoint === null) throw new AuditChainBrokenError('checkpoint_changed');
    return checkpoint;
  }
}

async function readEntries(tx: Transaction, after: number, upTo: number): Promise<PrunedEntry[]> {
  const rows = await tx.rows<Omit<PrunedEntry, 'position'> & { position: string }>({
    text: `SELECT e.id, e.at, e.action, e.actor_kind, e.actor_id, e.tenant, e.product, e.connection_id, e.subject_id, e.request_id,
        e.details, l.position, e.mac, l.mac AS link
      FROM audit_link l JOIN audit_entry e ON e.id = l.entry_id WHERE l.position > $1 AND l.position <= $2
      ORDER BY l.position LIMIT ${BATCH}`,
    values: [after, upTo],
  });
  return rows.map((row) => ({ ...row, position: Number(row.position) }));
}
