import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { Config } from '../../config/config.ts';
import { listConnectionsByApp } from '../../connections/connection/connections-by-app.query.ts';
import { Database } from '../../database/database.ts';
import { MetaApps } from '../../meta/meta-apps.ts';
import type { BackgroundJob } from '../../platform/jobs/background-job.ts';
import { JobScheduler, RUNS_JOBS } from '../../platform/jobs/job-scheduler.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import { appNotConfiguredFailure } from '../failures/attempt-failure.ts';
import { Sweep } from './sweep.ts';

const SHOWN = 5;

/**
 * Handles connections whose app is not configured, which no sweep finds. At startup and at HEALTH_CRON, logs them and
 * records a failure on those that are due, so that each connection says why it is not refreshed.
 */
@Injectable()
export class UnconfiguredAppJob implements OnApplicationBootstrap {
  readonly #job: BackgroundJob;

  constructor(
    jobs: JobScheduler,
    private readonly sweep: Sweep,
    private readonly apps: MetaApps,
    private readonly database: Database,
    private readonly config: Config,
    @Inject(RUNS_JOBS) private readonly runsJobs: boolean,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {
    this.#job = jobs.register({
      name: 'unconfigured-apps',
      schedule: { cron: config.healthCron },
      run: (signal) => this.run(signal),
    });
  }

  onApplicationBootstrap(): void {
    if (this.runsJobs) void this.#job.runOnce();
  }

  /** Starts nothing new once `signal` is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const groups = await listConnectionsByApp(this.database, SHOWN);
    const served = await Promise.all(groups.map((group) => this.apps.serves(group)));
    const unserved = groups.filter((_, index) => !served[index]);
    for (const { appId, kind, count, connectionIds } of unserved) {
      const { detail } = appNotConfiguredFailure({ appId, kind });
      this.logger.warn({ app_id: appId, kind, connections: count, connection_ids: connectionIds }, detail);
    }
    // Tokens stored under a configured app are due in that app's sweeps.
    const ids = new Set(unserved.map(({ appId }) => appId));
    const unknown: string[] = [];
    for (const id of ids) if ((await this.apps.find(id)) === null) unknown.push(id);
    if (unknown.length === 0 || this.config.healthCron === null || signal.aborted) return;
    await this.sweep.refresh('due', unknown, signal);
    await this.sweep.health('due', unknown, signal);
  }
}
