import { Injectable } from '@nestjs/common';
import type { BackgroundJob } from '../../platform/jobs/background-job.ts';
import { JobScheduler } from '../../platform/jobs/job-scheduler.ts';
import { Sweep } from '../sweeps/sweep.ts';
import { AssetInspectionService } from './asset-inspection.service.ts';

/**
 * Inspects connections and then assets right after their verification was requested, instead of within the minute that the schedule of
 * the replicas would take. The requests are on the rows, so nothing is lost where an inspection fails.
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

  /** Starts an inspection and returns at once. While one is under way, one more follows it, however often this is called. */
  trigger(): void {
    this.#lastTriggered = this.#job.running.then(() => this.#job.runOnce());
  }

  /** Resolves when no inspection is under way any more. */
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
