import { Injectable } from '@nestjs/common';
import type { BackgroundJob } from '../../platform/jobs/background-job.ts';
import { JobScheduler } from '../../platform/jobs/job-scheduler.ts';
import { Sweep } from '../sweeps/sweep.ts';
import { AssetInspectionService } from './asset-inspection.service.ts';

/**
 * Inspects connections, then assets, as soon as their verification is requested, instead of at the next minute's run.
 * The requests are on the rows, so a failed inspection loses nothing.
 */
@Injectable()
export class ImmediateInspectionService {
  readonly #job: BackgroundJob;
  #lastTriggered: Promise<void> = Promise.resolve();

  constructor(
    jobs: JobScheduler,
    private readonly sweep: Sweep,
    private readonly assets: AssetInspectionService,
  ) {
    this.#job = jobs.register({
      name: 'immediate-inspection',
      schedule: { cron: null },
      run: () => this.inspectDue(),
    });
  }

  /** Starts an inspection and returns at once. Calls during a run cause one more run after it. */
  trigger(): void {
    this.#lastTriggered = this.#job.running.then(() => this.#job.runOnce());
  }

  /** Resolves once no inspection is running. */
  async whenIdle(): Promise<void> {
    let awaited: Promise<void>;
    do {
      awaited = this.#lastTriggered;
      await awaited;
    } while (awaited !== this.#lastTriggered);
  }

  private async inspectDue(): Promise<void> {
    await this.sweep.health('retries');
    await this.assets.inspectDue();
  }
}
