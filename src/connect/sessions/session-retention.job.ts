import { Inject, Injectable } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { Config } from '../../config/config.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { DAY_SECONDS } from '../../platform/duration.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import { ConnectSessionRepository } from './connect-session.repository.ts';

const INTERVAL_MS = 60 * 60 * 1000;

/** Forgets connect sessions and their browsers' attempts `RETENTION_DAYS` after their end. What came of them stays in the audit record. */
@Injectable()
export class SessionRetentionJob {
  constructor(
    private readonly sessions: ConnectSessionRepository,
    private readonly config: Config,
    private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {}

  @Interval(INTERVAL_MS)
  async tick(): Promise<void> {
    try {
      const removed = await this.removeExpired();
      if (removed > 0) this.logger.info({ removed }, 'old connect sessions were removed');
    } catch (error) {
      this.logger.error({ err: error }, 'removing old connect sessions failed');
    }
  }

  /** How many sessions were removed. */
  removeExpired(): Promise<number> {
    return this.sessions.removeExpiredBefore(addSeconds(this.clock.now(), -this.config.retentionDays * DAY_SECONDS));
  }
}
