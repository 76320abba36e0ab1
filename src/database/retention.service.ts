import { Inject, Injectable } from '@nestjs/common';
import { Config } from '../config/config.ts';
import { addSeconds, Clock } from '../platform/clock.ts';
import { DAY_SECONDS } from '../platform/duration.ts';
import { LOGGER, type Pino } from '../platform/logger.ts';

/** Removes up to `limit` rows that ended before `endedBefore`. Returns how many. */
export type PurgeExpired = (endedBefore: Date, limit: number) => Promise<number>;

const BATCH = 1_000;

/** Removes rows that ended more than RETENTION_DAYS ago. Modules register a purge for each kind. */
@Injectable()
export class RetentionService {
  private readonly purges = new Map<string, PurgeExpired>();

  constructor(
    private readonly clock: Clock,
    private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {}

  /** `what` names the rows in the log. It must be unique. */
  register(what: string, purge: PurgeExpired): void {
    if (this.purges.has(what)) throw new Error(`the purge of ${what} is registered twice`);
    this.purges.set(what, purge);
  }

  /** Runs all purges, even if one fails. */
  async run(isStopping: () => boolean): Promise<void> {
    const endedBefore = addSeconds(this.clock.now(), -this.config.retentionDays * DAY_SECONDS);
    for (const [what, purge] of this.purges) {
      try {
        let removed = 0;
        let batch = BATCH;
        while (batch === BATCH && !isStopping()) {
          batch = await purge(endedBefore, BATCH);
          removed += batch;
        }
        if (removed > 0) this.logger.info({ what, removed }, 'removed rows past their retention');
      } catch (error) {
        this.logger.error({ err: error, what }, 'a purge failed and will be retried');
      }
    }
  }
}
