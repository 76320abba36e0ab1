import { Inject, Injectable } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { DatabaseClock } from '../database/database-clock.ts';
import { LOGGER, type Pino } from '../platform/logger.ts';

/** Keeps what this process holds in memory close to what the database says. A failure is told and tried again at the next turn. */
@Injectable()
export class ReplicaSyncJob {
  constructor(
    private readonly clock: DatabaseClock,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {}

  @Interval('database-clock', 30_000)
  async synchronizeClock(): Promise<void> {
    await this.attempt('reading the database clock', () => this.clock.synchronize());
  }

  private async attempt(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.logger.warn({ err: error }, `${what} failed`);
    }
  }
}
