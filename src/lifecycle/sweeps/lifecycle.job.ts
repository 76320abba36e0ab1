import { Injectable } from '@nestjs/common';
import { Config } from '../../config/config.ts';
import { ConnectionStatusService } from '../../connections/connection/connection-status.service.ts';
import { CredentialVersionService } from '../../connections/credentials/credential-version.service.ts';
import { RetentionService } from '../../database/retention.service.ts';
import type { BackgroundJob } from '../../platform/jobs/background-job.ts';
import { JobScheduler } from '../../platform/jobs/job-scheduler.ts';
import { ProviderRevocationService } from '../provider-revocation.service.ts';
import { TokenRevoker } from '../rotation/token-revoker.ts';
import { Sweep } from './sweep.ts';

const POLL_INTERVAL_MS = 60_000;
const RETENTION_CRON = '17 2 * * *';
const BATCH = 500;

/**
 * Registers periodic work: everything due at REFRESH_CRON and HEALTH_CRON, and every minute what can't wait for those.
 * All replicas run all jobs and share the work by claims. Each app has its own jobs, so none waits for another.
 */
@Injectable()
export class LifecycleJob {
  private readonly urgentJobs: BackgroundJob[] = [];

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

  /** `cron` null turns the sweep off on this replica, including its urgent part. */
  private registerSweep(sweep: 'refresh' | 'health', cron: string | null): void {
    if (cron === null) return;
    for (const appId of this.sweep.appIds) {
      this.jobs.register({
        name: `${sweep}-due-${appId}`,
        schedule: { cron },
        run: async (signal) => void (await this.sweep[sweep]('due', [appId], signal)),
      });
      this.registerUrgent(`${sweep}-retries-${appId}`, (signal) => this.sweep[sweep]('retries', [appId], signal));
    }
  }

  private registerUrgent(name: string, run: (signal: AbortSignal) => Promise<unknown>): void {
    const job = this.jobs.register({
      name,
      schedule: { everyMs: POLL_INTERVAL_MS },
      run: async (signal) => void (await run(signal)),
    });
    this.urgentJobs.push(job);
  }
}

async function processBatches(signal: AbortSignal, processBatch: () => Promise<number>): Promise<void> {
  while (!signal.aborted && (await processBatch()) >= BATCH);
}
