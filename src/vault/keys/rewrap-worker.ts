import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { SYSTEM } from '../../audit/actor.ts';
import { AuditLog } from '../../audit/audit-log.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import { KeyRewrap, type RewrapCursor } from './key-rewrap.ts';

/** Data keys per transaction. Small, so that locks last milliseconds. */
const BATCH = 200;
/** Minimum pause between batches. Longer ones last as long as the batch took, leaving half of the time to others. */
const PAUSE_MS = 50;

/** Processes a requested rewrap, possibly in parallel with other replicas. */
@Injectable()
export class RewrapWorker {
  constructor(
    private readonly rewrap: KeyRewrap,
    private readonly audit: AuditLog,
    @Inject(LOGGER) private readonly logger: Pick<Pino, 'error'>,
  ) {}

  /**
   * Processes all remaining data keys, if a rewrap is running. Returns early if `isStopping`; the next call continues.
   */
  async runOnce(isStopping: () => boolean): Promise<void> {
    if (!(await this.rewrap.isRunning())) return;
    const undecryptableIds: string[] = [];
    for (let cursor: RewrapCursor | null = null; !isStopping(); ) {
      const startedAt = performance.now();
      const step = await this.rewrap.step(cursor, BATCH);
      undecryptableIds.push(...step.undecryptableIds);
      if (step.last === null) {
        await this.finish(undecryptableIds);
        return;
      }
      cursor = step.last;
      await sleep(Math.max(PAUSE_MS, performance.now() - startedAt));
    }
  }

  private async finish(undecryptableIds: readonly string[]): Promise<void> {
    const isOver = await this.rewrap.finish(undecryptableIds.length, (tx, { total, rewrapped, unopenable }) =>
      this.audit.record(tx, { action: 'key.rewrapped', actor: SYSTEM, details: { total, rewrapped, unopenable } }),
    );
    if (isOver && undecryptableIds.length > 0) {
      this.logger.error(
        { secrets: undecryptableIds.slice(0, 100), count: undecryptableIds.length },
        'sealed secrets cannot be decrypted',
      );
    }
  }
}
