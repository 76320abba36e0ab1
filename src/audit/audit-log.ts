import { Injectable } from '@nestjs/common';
import { type IntegrityError, IntegrityFailures } from '../database/integrity-failures.ts';
import type { SqlExecutor } from '../database/statement.ts';
import { Clock } from '../platform/clock.ts';
import type { Id } from '../platform/ids.ts';
import { Ids } from '../platform/ids.ts';
import type { Actor } from './actor.ts';
import type { AuditAction } from './audit-action.ts';
import {
  type InsertedAuditEntry,
  type InsertedCount,
  insertAuditEntries,
  insertAuditEntry,
  readEntryProofs,
} from './audit-entry.repository.ts';
import { ChainMac } from './chain/chain-mac.ts';
import { deriveEntryKey, isForged } from './chain/entry-mac.ts';
import type { AuditEntryId } from './ids.ts';

/** `details` holds ids, states and codes; never a token, a secret, or text from Meta. */
export interface NewAuditEntry {
  action: AuditAction;
  actor: Actor;
  tenant?: string | null;
  product?: string | null;
  connectionId?: Id<'con'> | null;
  /** The affected object unless it is the connection: a lease, a credential, a client or a key. */
  subjectId?: string | null;
  requestId?: string | null;
  details?: Record<string, unknown>;
}

const TABLE = 'audit_entry';

/** Records every state change in the transaction that makes it, so neither exists without the other. */
@Injectable()
export class AuditLog {
  constructor(
    private readonly clock: Clock,
    private readonly ids: Ids,
    private readonly mac: ChainMac,
    private readonly integrity: IntegrityFailures,
  ) {}

  /**
   * Writes an entry through `executor`, so that it commits with the change. Throws if it can't be written,
   * `IntegrityError` if a trigger or rule swallowed it (possibly not before commit); roll back the change then.
   */
  async record(executor: SqlExecutor, entry: NewAuditEntry): Promise<void> {
    const row = this.toRow(entry);
    await this.write(executor, [row], () => insertAuditEntry(executor, row));
  }

  /** Like `record`, for many entries in one statement. */
  async recordAll(executor: SqlExecutor, entries: readonly NewAuditEntry[]): Promise<void> {
    if (entries.length === 0) return;
    const rows = entries.map((entry) => this.toRow(entry));
    await this.write(executor, rows, () => insertAuditEntries(executor, this.clock.now(), rows));
  }

  private toRow(entry: NewAuditEntry): InsertedAuditEntry {
    const id = this.ids.next('aud');
    return {
      id,
      at: this.clock.now(),
      action: entry.action,
      actorKind: entry.actor.kind,
      actorId: entry.actor.id,
      tenant: entry.tenant ?? null,
      product: entry.product ?? null,
      connectionId: entry.connectionId ?? null,
      subjectId: entry.subjectId ?? null,
      requestId: entry.requestId ?? null,
      details: JSON.stringify(toDetails(entry)),
      entryKey: deriveEntryKey(this.mac, id),
    };
  }

  /** Inserts rows and checks, before commit if possible, that they are there. */
  private async write(
    executor: SqlExecutor,
    rows: readonly InsertedAuditEntry[],
    insert: () => Promise<InsertedCount>,
  ): Promise<void> {
    const ids = rows.map(({ id }) => id);
    const missing = (count: number): IntegrityError =>
      this.integrity.missing(TABLE, { action: rows[0]?.action }, count);
    const { inserted, isInterferedWith } = await insert().catch((error: unknown) => {
      throw this.integrity.explain(TABLE, error);
    });
    if (inserted !== ids.length) throw missing(ids.length - inserted);
    if (!isInterferedWith) return;
    const check = async (): Promise<void> => {
      const { size } = await this.findMissing(executor, ids);
      if (size > 0) throw missing(size);
    };
    if (executor.beforeCommit === undefined) await check();
    else executor.beforeCommit(check);
  }

  /** Returns the ids of entries that are missing or altered. */
  async findMissing(executor: Pick<SqlExecutor, 'rows'>, ids: readonly AuditEntryId[]): Promise<Set<AuditEntryId>> {
    const missing = new Set(ids);
    for (const proof of await readEntryProofs(executor, ids)) {
      if (!isForged(this.mac, proof, '')) missing.delete(proof.id);
    }
    return missing;
  }
}

function toDetails({ actor, details = {} }: NewAuditEntry): Record<string, unknown> {
  return actor.person === undefined ? details : { ...details, person: actor.person };
}
