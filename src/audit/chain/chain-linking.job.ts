import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { Counter, Gauge, Registry } from 'prom-client';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import { AuditChain } from './audit-chain.ts';

const TICK_MS = 1_000;
/** Every how many ticks the further look back is taken, and a failure that stays is logged again. */
const TICKS_PER_LATE_LOOK_BACK = 60;
/** Of how many forged entries the ids are kept, so that each is told once. */
const MAX_REPORTED_FORGED = 10_000;

/** Links new entries each second, on whichever replica comes first. Goes on until the last request has ended. */
@Injectable()
export class ChainLinkingJob implements OnApplicationShutdown {
  #ticks = 0;
  #failures = 0;
  #stopped = false;
  #running: Promise<void> | null = null;
  readonly #reportedForged = new Set<string>();
  readonly #forgedCount: Counter;

  constructor(
    private readonly chain: AuditChain,
    @Inject(LOGGER) private readonly logger: Pino,
    registry: Registry,
  ) {
    new Gauge({
      name: 'metavault_audit_unlinked_entries',
      help: 'Audit entries that wait to be linked into the chain, up to 100000; -1 where the database does not tell',
      registers: [registry],
      async collect(): Promise<void> {
        this.set(await chain.countUnlinked().catch(() => -1));
      },
    });
    this.#forgedCount = new Counter({
      name: 'metavault_audit_forged_entries_total',
      help: 'Audit entries that were found in the record though this service did not write them',
      registers: [registry],
    });
  }

  @Interval(TICK_MS)
  async tick(): Promise<void> {
    if (this.#stopped || this.#running !== null) return;
    this.#running = this.link();
    await this.#running;
    this.#running = null;
  }

  async onApplicationShutdown(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  private async link(): Promise<void> {
    const lookBack = this.#ticks++ % TICKS_PER_LATE_LOOK_BACK === 0 ? 'late' : 'recent';
    try {
      await this.chain.linkNewEntries(lookBack, false, (id) => this.reportForged(id));
      this.#failures = 0;
    } catch (error) {
      // Entries stay where they are, committed; linking goes on when it can.
      if (this.#failures++ % TICKS_PER_LATE_LOOK_BACK === 0)
        this.logger.error({ err: error }, 'audit entries can not be linked');
    }
  }

  private reportForged(id: string): void {
    if (this.#reportedForged.has(id) || this.#reportedForged.size >= MAX_REPORTED_FORGED) return;
    this.#reportedForged.add(id);
    this.#forgedCount.inc();
    this.logger.error({ entry_id: id }, 'an audit entry was not written by this service and is left out of the chain');
  }
}
