import { Inject, Injectable } from '@nestjs/common';
import { Config } from '../config/config.ts';
import { addSeconds, Clock } from '../platform/clock.ts';
import { DAY_SECONDS } from '../platform/duration.ts';
import { LOGGER, type Pino } from '../platform/logger.ts';

/** Removes one batch of rows that ended before `endedBefore`; returns how many it removed. */
export type PurgeExpired = (endedBefore: Date, limit: number) => Promise<number>;

const BATCH = 1_000;

/** Removes what ended more than RETENTION_DAYS ago. Every module that keeps such rows registers a purge. */
@Injectable()
export class RetentionService {
  private readonly purges = new Map<string, PurgeExpired>();

  constructor(
    private readonly clock: Clock,
    private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {}

  /** `what` names the rows in the log and must be unique. */
  register(what: string, purge: PurgeExpired): void {
    if (this.purges.has(what)) throw new Error(`the purge of ${what} is registered twice`);
    this.purges.set(what, purge);
  }

  /** A failing purge does not keep the others from running. */
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
        if (removed > 0) this.logger.info({ what, removed }, 'rows past their retention were removed');
      } catch (error) {
        this.logger.error({ err: error, what }, 'a purge failed; the next run tries again');
      }
    }
  }
}
