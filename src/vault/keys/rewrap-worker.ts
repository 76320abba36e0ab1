import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { AuditLog, SYSTEM } from '../../audit/audit-log.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import { KeyRewrap, type RewrapPlace } from './key-rewrap.ts';

/** Data keys of one transaction: their rows are locked for some milliseconds only. */
const BATCH = 200;
/** Between two batches at the least; otherwise as long as the batch took, so that half of a connection's time is left to others. */
const PAUSE_MS = 50;

/** Works off a rewrap that was asked for, beside whoever else does. */
@Injectable()
export class RewrapWorker {
  constructor(
    private readonly rewrap: KeyRewrap,
    private readonly audit: AuditLog,
    @Inject(LOGGER) private readonly logger: Pick<Pino, 'error'>,
  ) {}

  /** One pass over all that is left, where there is a rewrap to do. Returns early when `isStopping` says so; the next pass goes on. */
  async pass(isStopping: () => boolean): Promise<void> {
    if (!(await this.rewrap.isRunning())) return;
    const broken: string[] = [];
    for (let place: RewrapPlace | null = null; !isStopping(); ) {
      const startedAt = performance.now();
      const step = await this.rewrap.step(place, BATCH);
      broken.push(...step.broken);
      if (step.last === null) {
        await this.finish(broken);
        return;
      }
      place = step.last;
      await sleep(Math.max(PAUSE_MS, performance.now() - startedAt));
    }
  }

  private async finish(broken: readonly string[]): Promise<void> {
    const isOver = await this.rewrap.finish(broken.length, (tx, { total, rewrapped, unopenable }) =>
      this.audit.record(tx, { action: 'key.rewrapped', actor: SYSTEM, details: { total, rewrapped, unopenable } }),
    );
    if (isOver && broken.length > 0) {
      this.logger.error({ secrets: broken.slice(0, 100), count: broken.length }, 'sealed secrets do not open');
    }
  }
}
