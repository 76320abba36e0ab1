import { Inject, Injectable } from '@nestjs/common';
import { Gauge, Registry } from 'prom-client';
import type { BackgroundJob } from '../../platform/jobs/background-job.ts';
import { JobScheduler } from '../../platform/jobs/job-scheduler.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import { AppError } from '../../platform/problem.ts';
import { Database } from '../database.ts';
import type { Confirmation, Replication, WalPosition } from './standby-confirmation.ts';

interface Ending {
  position: WalPosition;
  carryOut: () => Promise<unknown>;
}

/** Beyond this, the oldest are dropped. */
const MAX_ENDINGS = 2_000;
const LOOK_INTERVAL_MS = 1_000;

/**
 * Endings (of leases, connections, clients, keys) that were answered before any standby had them: kept in memory until
 * one does. If a standby without them is promoted, they are carried out again.
 */
@Injectable()
export class UnconfirmedEndings {
  readonly job: BackgroundJob;
  #endings: Ending[] = [];

  constructor(
    private readonly database: Database,
    jobs: JobScheduler,
    registry: Registry,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {
    this.job = jobs.register({
      name: 'unconfirmed-endings',
      schedule: { everyMs: LOOK_INTERVAL_MS },
      run: (signal) => this.review(signal),
    });
    const count = (): number => this.#endings.length;
    new Gauge({
      name: 'metavault_unconfirmed_endings',
      help: 'Changes that end access and that no standby has confirmed yet; this replica repeats them after a failover.',
      registers: [registry],
      collect(): void {
        this.set(count());
      },
    });
  }

  /** Keeps an ending if a failover might undo it. `carryOut` must be final and harmless to repeat. */
  add({ durability, position, isStandbyExpected }: Confirmation, carryOut: () => Promise<unknown>): void {
    if (durability === 'standby' || !isStandbyExpected) return;
    this.#endings.push({ position, carryOut });
    if (this.#endings.length > MAX_ENDINGS) this.#endings.shift();
  }

  /** Also checks when no ending is kept, so that the next confirmation notices a failover. */
  private async review(signal: AbortSignal): Promise<void> {
    const seen = await this.database.standby.look();
    const undone = this.#endings.filter(({ position }) => position.timeline !== seen.position.timeline);
    this.#endings = this.#endings.filter((ending) => !isConfirmed(ending, seen));
    let carriedOut = 0;
    for (const ending of undone) {
      if (signal.aborted) return;
      await this.carryOutAgain(ending);
      carriedOut += 1;
    }
    if (carriedOut === 0) return;
    this.logger.warn({ count: carriedOut }, 'a standby was promoted: repeated the endings that it may have missed');
    const { position } = await this.database.standby.look();
    for (const ending of undone) ending.position = position;
  }

  /** Throws if the database is in trouble. If an ending is refused, its object is gone, so nothing is left to end. */
  private async carryOutAgain({ carryOut }: Ending): Promise<void> {
    try {
      await carryOut();
    } catch (error) {
      if (!(error instanceof AppError) || error.type.status >= 500) throw error;
      this.logger.warn({ code: error.code }, 'an ending was refused when it was repeated');
    }
  }
}

function isConfirmed({ position }: Ending, seen: Replication): boolean {
  return position.timeline === seen.position.timeline && seen.confirmed !== null && seen.confirmed >= position.lsn;
}
