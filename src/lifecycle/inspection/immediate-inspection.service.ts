import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import { drainWithTimeout } from '../drain-with-timeout.ts';
import { Sweep } from '../sweeps/sweep.ts';
import { AssetInspectionService } from './asset-inspection.service.ts';

/**
 * Looks at once at connections, and then at assets, that somebody has doubts about, instead of within the minute that every replica's schedule would take.
 * The doubts are on the rows, so nothing is lost where this look fails. One look at a time; asked meanwhile, another follows.
 */
@Injectable()
export class ImmediateInspectionService implements OnApplicationShutdown {
  #inProgress: Promise<void> | null = null;
  #isRequestedAgain = false;
  #isStopping = false;

  constructor(
    private readonly sweep: Sweep,
    private readonly assets: AssetInspectionService,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {}

  /** Begins a look and returns at once. */
  trigger(): void {
    if (this.#isStopping) return;
    if (this.#inProgress !== null) {
      this.#isRequestedAgain = true;
      return;
    }
    this.#inProgress = this.inspectDue().finally(() => {
      this.#inProgress = null;
    });
  }

  /** Ends when no look is under way any more. */
  async whenIdle(): Promise<void> {
    while (this.#inProgress !== null) await this.#inProgress;
  }

  async onApplicationShutdown(): Promise<void> {
    this.#isStopping = true;
    await drainWithTimeout([this.whenIdle()], performance.now());
  }

  private async inspectDue(): Promise<void> {
    do {
      this.#isRequestedAgain = false;
      try {
        await this.sweep.health('retries');
        await this.assets.inspectDue();
      } catch (error) {
        this.logger.error({ err: error }, 'an immediate inspection failed; the scheduled one will retry');
      }
    } while (this.#isRequestedAgain && !this.#isStopping);
  }
}
