import { Inject, Injectable } from '@nestjs/common';
import { Counter, Gauge, Registry } from 'prom-client';
import { IntegrityError, IntegrityFailures } from '../../database/integrity-failures.ts';
import { LastKnown } from '../../database/last-known.ts';
import type { BackgroundJob } from '../../platform/jobs/background-job.ts';
import { JobScheduler } from '../../platform/jobs/job-scheduler.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import type { AuditEntryId } from '../ids.ts';
import { AuditChain } from './audit-chain.ts';
import { ChainProgress } from './chain-progress.ts';

const TICK_MS = 500;
/** How many forged entries are remembered, to report each once. */
const MAX_REPORTED_FORGED = 10_000;

/**
 * Links new entries twice a second, on one replica at a time. Runs until shutdown, because the last requests still
 * write entries.
 */
@Injectable()
export class ChainLinkingJob {
  readonly #job: BackgroundJob;
  readonly #reportedForged = new Set<string>();
  readonly #forgedCount: Counter;

  constructor(
    private readonly chain: AuditChain,
    private readonly progress: ChainProgress,
    private readonly integrity: IntegrityFailures,
    @Inject(LOGGER) private readonly logger: Pino,
    registry: Registry,
    jobs: JobScheduler,
  ) {
    const unlinked = new LastKnown(() => chain.countUnlinked(), -1);
    new Gauge({
      name: 'metavault_audit_unlinked_entries',
      help: 'Audit entries not linked into the chain yet, up to 100000, as last read; -1 if never read',
      registers: [registry],
      async collect(): Promise<void> {
        this.set(await unlinked.get());
      },
    });
    this.#forgedCount = new Counter({
      name: 'metavault_audit_forged_entries_total',
      help: 'Forged audit entries found in the record',
      registers: [registry],
    });
    this.#job = jobs.register({
      name: 'audit-chain-linking',
      schedule: { everyMs: TICK_MS },
      run: () => this.link(),
      runsUntilShutdown: true,
    });
  }

  /** Runs once. After a failure, entries stay unlinked until a later run. */
  tick(): Promise<void> {
    return this.#job.runOnce();
  }

  private async link(): Promise<void> {
    try {
      const onForged = (id: AuditEntryId): void => this.reportForged(id);
      const { isLocked } = await this.chain.link({ lookBack: 'turn', wait: false, onForged });
      if (isLocked) await this.progress.stalled('locked');
      else this.progress.moved();
    } catch (error) {
      await this.progress.stalled('failing');
      throw error instanceof IntegrityError ? this.integrity.missing(error.table) : error;
    }
  }

  private reportForged(id: AuditEntryId): void {
    if (this.#reportedForged.has(id) || this.#reportedForged.size >= MAX_REPORTED_FORGED) return;
    this.#reportedForged.add(id);
    this.#forgedCount.inc();
    this.logger.error({ entry_id: id }, 'forged audit entry: it is not linked into the chain');
  }
}
