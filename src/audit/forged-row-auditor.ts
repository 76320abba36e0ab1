import { Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { Database } from '../database/database.ts';
import { IntegrityFailures } from '../database/integrity-failures.ts';
import { SYSTEM } from './actor.ts';
import { AuditLog } from './audit-log.ts';

/** How many entries about refused rows each replica writes in an hour: whoever forges rows must not be able to flood the record. */
const MAX_ENTRIES_PER_HOUR = 100;
const HOUR_MS = 3_600_000;

/** Records rows that were refused because they are not what this service wrote, outside of the requests that found them. */
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

  /** Waits for entries that are being written. */
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
