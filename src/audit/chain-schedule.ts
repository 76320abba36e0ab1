import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { Gauge, Registry } from 'prom-client';
import { LOGGER, type Pino } from '../platform/logger.ts';
import { AuditChain } from './audit-chain.ts';

const TICK_MS = 1_000;
/** Every how many ticks the further look back is taken, and a failure that stays is logged again. */
const LONG_TICKS = 60;

/** Links new entries each second, on whichever replica comes first. Goes on until the last request has ended. */
@Injectable()
export class ChainSchedule implements OnApplicationShutdown {
  #ticks = 0;
  #failures = 0;
  #stopped = false;
  #running: Promise<void> | null = null;

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
    const lookBack = this.#ticks++ % LONG_TICKS === 0 ? 'late' : 'recent';
    try {
      await this.chain.linkNew(lookBack);
      this.#failures = 0;
    } catch (error) {
      // Entries stay where they are, committed; linking goes on when it can.
      if (this.#failures++ % LONG_TICKS === 0) this.logger.error({ err: error }, 'audit entries can not be linked');
    }
  }
}
