import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { Refusal } from '../auth/refusal.ts';
import { RefusalListener } from '../auth/refusal-listener.ts';
import { Database } from '../database/database.ts';
import type { SqlExecutor } from '../database/statement.ts';
import { Clock } from '../platform/clock.ts';
import { JobScheduler } from '../platform/jobs/job-scheduler.ts';
import { LOGGER, type Pino } from '../platform/logger.ts';
import { type Actor, toActor } from './actor.ts';
import { AuditLog } from './audit-log.ts';

interface RefusalWindow {
  first: Refusal;
  startedAtMs: number;
  /** Refusals in the window, without the one that opened it. */
  repeats: number;
}

const UNKNOWN: Actor = Object.freeze({ kind: 'client', id: null });
const WINDOW_MS = 10 * 60_000;
const SWEEP_MS = 30_000;
/** Callers control how many sources there are. Those beyond this limit are counted together, by kind. */
const MAX_WINDOWS = 1_000;

/**
 * Audits refusals without flooding the record. Writes the first of a kind from a source at once, and those in the ten
 * minutes after it as one count. Each replica counts separately.
 */
@Injectable()
export class RefusalAuditor extends RefusalListener implements OnApplicationShutdown {
  readonly #windows = new Map<string, RefusalWindow>();

  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Pino,
    jobs: JobScheduler,
  ) {
    super();
    jobs.register({ name: 'refusal-audit', schedule: { everyMs: SWEEP_MS }, run: () => this.sweep() });
  }

  /** Resolves once the entry, if any, is written. */
  override async report(refusal: Refusal): Promise<void> {
    const now = this.clock.now().getTime();
    const target = this.windowKeyOf(refusal);
    const window = this.#windows.get(target.key);
    if (window !== undefined && now - window.startedAtMs < WINDOW_MS) {
      window.repeats++;
      return;
    }
    this.#windows.set(target.key, { first: target.refusal, startedAtMs: now, repeats: 0 });
    if (window !== undefined && window.repeats > 0) await this.recordRepeats(window);
    await this.write(target.refusal, {});
  }

  /** Writes the windows that have ended. An ongoing flood gets one entry per window. */
  async sweep(): Promise<void> {
    const now = this.clock.now().getTime();
    const over = [...this.#windows].filter(([, { startedAtMs }]) => now - startedAtMs >= WINDOW_MS);
    for (const [key, window] of over) {
      if (window.repeats === 0) this.#windows.delete(key);
      else this.#windows.set(key, { ...window, startedAtMs: now, repeats: 0 });
    }
    for (const [, window] of over) await this.recordRepeats(window);
  }

  async onApplicationShutdown(): Promise<void> {
    const open = [...this.#windows.values()];
    this.#windows.clear();
    for (const window of open) await this.recordRepeats(window);
  }

  private windowKeyOf(refusal: Refusal): { key: string; refusal: Refusal } {
    const key = `${refusal.kind} ${refusal.source}`;
    if (this.#windows.size < MAX_WINDOWS || this.#windows.has(key)) return { key, refusal };
    const { kind, requestId, details } = refusal;
    const others = {
      kind,
      source: 'others',
      caller: null,
      requestId,
      details: { reason: details.reason, address: 'others' },
    };
    return { key: `${kind} others`, refusal: others };
  }

  /** Short deadlines, because the refused caller waits for the entry. */
  private failFastSql(): SqlExecutor {
    const { failFast } = this.database;
    return {
      rows: (statement) => failFast.rows(statement),
      run: async (statement) => (await failFast.rows(statement)).length,
    };
  }

  private async recordRepeats({ first, repeats, startedAtMs }: RefusalWindow): Promise<void> {
    if (repeats > 0) await this.write(first, { repeats, since: new Date(startedAtMs).toISOString() });
  }

  private async write(refusal: Refusal, more: { repeats?: number; since?: string }): Promise<void> {
    const { caller, tenant, product, connectionId, requestId, details } = refusal;
    try {
      await this.audit.record(this.failFastSql(), {
        action: 'access.refused',
        actor: caller === null ? UNKNOWN : toActor(caller),
        tenant: tenant ?? null,
        product: product ?? null,
        connectionId: connectionId ?? null,
        requestId: more.repeats === undefined ? requestId : null,
        details: { ...details, ...more },
      });
    } catch (error) {
      // Don't turn the refusal into a 500, which would reveal the state of the database.
      this.logger.error({ err: error, ...details }, 'could not record a refusal');
    }
  }
}
