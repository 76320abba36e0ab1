import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import { settledWithin } from '../drain-with-timeout.ts';
import { Sweep } from '../sweeps/sweep.ts';
import { AssetInspection } from './asset-inspection.service.ts';

/**
 * Looks at once at connections, and then at assets, that somebody has doubts about, instead of within the minute that every replica's schedule would take.
 * The doubts are on the rows, so nothing is lost where this look fails. One look at a time; asked meanwhile, another follows.
 */
@Injectable()
export class PromptInspection implements OnApplicationShutdown {
  #underWay: Promise<void> | null = null;
  #isAskedAgain = false;
  #isStopping = false;

  constructor(
    private readonly sweep: Sweep,
    private readonly assets: AssetInspection,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {}

  /** Begins a look and returns at once. */
  begin(): void {
    if (this.#isStopping) return;
    if (this.#underWay !== null) {
      this.#isAskedAgain = true;
      return;
    }
    this.#underWay = this.look().finally(() => {
      this.#underWay = null;
    });
  }

  /** Ends when no look is under way any more. */
  async settled(): Promise<void> {
    while (this.#underWay !== null) await this.#underWay;
  }

  async onApplicationShutdown(): Promise<void> {
    this.#isStopping = true;
    await settledWithin([this.settled()], performance.now());
  }

  private async look(): Promise<void> {
    do {
      this.#isAskedAgain = false;
      try {
        await this.sweep.health('retries');
        await this.assets.look();
      } catch (error) {
        this.logger.error({ err: error }, 'a prompt inspection broke; the next look goes on');
      }
    } while (this.#isAskedAgain && !this.#isStopping);
  }
}
