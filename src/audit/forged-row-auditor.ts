import { Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { Database } from '../database/database.ts';
import { IntegrityFailures } from '../database/integrity-failures.ts';
import { SYSTEM } from './actor.ts';
import { AuditLog } from './audit-log.ts';

/** Limit per replica, so that forged rows can't flood the record. */
const MAX_ENTRIES_PER_HOUR = 100;
const HOUR_MS = 3_600_000;

/** Records rows whose MAC doesn't verify, outside of the requests that found them. */
@Injectable()
export class ForgedRowAuditor implements OnModuleInit, OnApplicationShutdown {
  readonly #pending = new Set<Promise<void>>();
  #hour = { startedAtMs: Number.NEGATIVE_INFINITY, entries: 0 };

  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
    private readonly integrity: IntegrityFailures,
  ) {}

  onModuleInit(): void {
    this.integrity.onForged((table, rowId) => this.record(table, rowId));
  }

  /** Waits for pending writes. */
  async onApplicationShutdown(): Promise<void> {
    await Promise.allSettled(this.#pending);
  }

  private async record(table: string, rowId: string): Promise<void> {
    if (!this.isWithinLimit()) return;
    const written = this.audit.record(this.database, {
      action: 'integrity.row_refused',
      actor: SYSTEM,
      subjectId: rowId,
      details: { table },
    });
    this.#pending.add(written);
    await written.finally(() => this.#pending.delete(written));
  }

  private isWithinLimit(): boolean {
    const nowMs = performance.now();
    if (nowMs - this.#hour.startedAtMs >= HOUR_MS) this.#hour = { startedAtMs: nowMs, entries: 0 };
    this.#hour.entries++;
    return this.#hour.entries <= MAX_ENTRIES_PER_HOUR;
  }
}
