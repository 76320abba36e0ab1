import { Injectable } from '@nestjs/common';
import { Config } from '../../config/config.ts';
import { ConnectionStatusService } from '../../connections/connection/connection-status.service.ts';
import { CredentialVersionService } from '../../connections/credentials/credential-version.service.ts';
import { RetentionService } from '../../database/retention.service.ts';
import type { BackgroundJob } from '../../platform/jobs/background-job.ts';
import { JobScheduler } from '../../platform/jobs/job-scheduler.ts';
import { ProviderRevocationService } from '../provider-revocation.service.ts';
import { TokenRevoker } from '../rotation/token-revoker.ts';
import { forEachApp } from './for-each-app.ts';
import type { SweepScope } from './refresh-claims.ts';
import { Sweep, type SweepKind } from './sweep.ts';

const POLL_INTERVAL_MS = 60_000;
const RETENTION_CRON = '17 2 * * *';
const BATCH = 500;

/**
 * Registers periodic work: everything due at REFRESH_CRON and HEALTH_CRON, and every minute what can't wait for those.
 * All replicas run all jobs and share the work by claims. Each app is swept by itself, so none waits for another.
 */
@Injectable()
export class LifecycleJob {
  private readonly urgentJobs: BackgroundJob[] = [];
  /** Apps being swept, by kind and scope. */
  readonly #swept = new Set<string>();

  constructor(
    private readonly jobs: JobScheduler,
    private readonly sweep: Sweep,
    private readonly revocations: ProviderRevocationService,
    private readonly tokenRevoker: TokenRevoker,
    private readonly connectionStatusService: ConnectionStatusService,
    private readonly versions: CredentialVersionService,
    private readonly retentionService: RetentionService,
    private readonly config: Config,
  ) {
    this.registerSweep('refresh', this.config.refreshCron);
    this.registerSweep('health', this.config.healthCron);
    this.registerUrgent('provider-revocations', (signal) => this.revocations.processDue(() => signal.aborted));
    this.registerUrgent('token-revocations', (signal) => this.tokenRevoker.processDue(() => signal.aborted));
    this.registerUrgent('data-access-expiry', (signal) =>
      processBatches(signal, () => this.connectionStatusService.processDataAccessExpiry(BATCH)),
    );
    this.registerUrgent('superseded-versions', (signal) =>
      processBatches(signal, () => this.versions.destroySupersededVersions(BATCH)),
    );
    this.jobs.register({
      name: 'retention',
      schedule: { cron: RETENTION_CRON },
      run: (signal) => this.retentionService.run(() => signal.aborted),
    });
  }

  /** Runs the urgent part of the sweeps now. Never rejects. */
  async runUrgentWork(): Promise<void> {
    await Promise.all(this.urgentJobs.map((job) => job.runOnce()));
  }

  /** Sweeps each app with due work that an earlier run is not still sweeping: a slow app holds up only itself. */
  private async sweepApps(sweep: SweepKind, scope: SweepScope, signal: AbortSignal): Promise<void> {
    const due = await this.sweep.listDueApps(sweep);
    const idle = due.filter((appId) => !this.#swept.has(`${sweep} ${scope} ${appId}`));
    for (const appId of idle) this.#swept.add(`${sweep} ${scope} ${appId}`);
    await forEachApp(idle, async (appId) => {
      try {
        await this.sweep[sweep](scope, [appId], signal);
      } finally {
        this.#swept.delete(`${sweep} ${scope} ${appId}`);
      }
    });
  }

  /** `cron` null turns the sweep off on this replica, including its urgent part. */
  private registerSweep(sweep: SweepKind, cron: string | null): void {
    if (cron === null) return;
    this.jobs.register({
      name: `${sweep}-due`,
      schedule: { cron },
      mayOverlap: true,
      run: (signal) => this.sweepApps(sweep, 'due', signal),
    });
    this.registerUrgent(`${sweep}-retries`, (signal) => this.sweepApps(sweep, 'retries', signal), { mayOverlap: true });
  }

  private registerUrgent(
    name: string,
    run: (signal: AbortSignal) => Promise<unknown>,
    { mayOverlap = false } = {},
  ): void {
    const job = this.jobs.register({
      name,
      schedule: { everyMs: POLL_INTERVAL_MS },
      mayOverlap,
      run: async (signal) => void (await run(signal)),
    });
    this.urgentJobs.push(job);
  }
}

async function processBatches(signal: AbortSignal, processBatch: () => Promise<number>): Promise<void> {
  while (!signal.aborted && (await processBatch()) >= BATCH);
}
