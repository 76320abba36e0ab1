import {
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
} from '@nestjs/common';
import { SchedulerRegistry } from '@nestjs/schedule';
import { CronJob } from 'cron';
import { Config } from '../../config/config.ts';
import { ConnectionStatusService } from '../../connections/connection/connection-status.service.ts';
import { CredentialVersionService } from '../../connections/credentials/credential-version.service.ts';
import { RetentionService } from '../../database/retention.service.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import { drainWithTimeout } from '../drain-with-timeout.ts';
import { ProviderRevocationService } from '../provider-revocation.service.ts';
import { Sweep, type SweepScope } from './sweep.ts';

const POLL_INTERVAL_MS = 60_000;
const RETENTION_CRON = '17 2 * * *';
const BATCH = 500;

/**
 * When this replica looks: at REFRESH_CRON and HEALTH_CRON for all that is due, each minute for what cannot wait. All replicas look; the
 * claims share the work. What is still under way is not begun again, and holds up nothing else: neither another app's work nor other kinds.
 */
@Injectable()
export class LifecycleJob implements OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown {
  private readonly inProgress = new Map<string, Promise<void>>();
  private stoppingSinceMs: number | null = null;

  constructor(
    private readonly registry: SchedulerRegistry,
    private readonly sweep: Sweep,
    private readonly revocations: ProviderRevocationService,
    private readonly connectionStatusService: ConnectionStatusService,
    private readonly versions: CredentialVersionService,
    private readonly retentionService: RetentionService,
    private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {}

  onApplicationBootstrap(): void {
    this.addCron('lifecycle refresh', this.config.refreshCron, () => this.forEachApp('refresh', 'due'));
    this.addCron('lifecycle health', this.config.healthCron, () => this.forEachApp('health', 'due'));
    this.addCron('lifecycle retention', RETENTION_CRON, () =>
      this.runExclusive('upkeep', () => this.retentionService.run(() => this.stoppingSinceMs !== null)),
    );
    const timer = setInterval(() => void this.runUrgentWork(), POLL_INTERVAL_MS);
    timer.unref();
    this.registry.addInterval('lifecycle urgent work', timer);
  }

  /** What cannot wait for the schedule. `off` switches renewals or inspections off on this replica, here as well. Never throws. */
  async runUrgentWork(): Promise<void> {
    const isStopping = (): boolean => this.stoppingSinceMs !== null;
    await Promise.all([
      this.config.refreshCron === null ? null : this.forEachApp('refresh', 'retries'),
      this.config.healthCron === null ? null : this.forEachApp('health', 'retries'),
      this.runExclusive('revocations', () => this.revocations.processDue(isStopping)),
      this.runExclusive('data access', () =>
        drainBatches(BATCH, isStopping, () => this.connectionStatusService.processDataAccessExpiry(BATCH)),
      ),
      this.runExclusive('spent versions', () =>
        drainBatches(BATCH, isStopping, () => this.versions.destroySupersededVersions(BATCH)),
      ),
    ]);
  }

  /** No timer stays behind; what is under way begins nothing new. */
  onModuleDestroy(): void {
    this.stoppingSinceMs = performance.now();
    for (const name of ['lifecycle refresh', 'lifecycle health', 'lifecycle retention']) {
      if (this.registry.doesExist('cron', name)) this.registry.deleteCronJob(name);
    }
    if (this.registry.doesExist('interval', 'lifecycle urgent work'))
      this.registry.deleteInterval('lifecycle urgent work');
  }

  async onApplicationShutdown(): Promise<void> {
    await drainWithTimeout(this.inProgress.values(), this.stoppingSinceMs ?? performance.now());
  }

  private async forEachApp(sweep: 'refresh' | 'health', scope: SweepScope): Promise<void> {
    const each = (appId: string): Promise<void> =>
      this.runExclusive(`${sweep} of ${scope} for ${appId}`, () => this.sweep[sweep](scope, [appId]));
    await Promise.all(this.sweep.appIds.map(each));
  }

  private addCron(name: string, cronTime: string | null, work: () => Promise<void>): void {
    if (cronTime === null) return;
    const job = CronJob.from({ cronTime, timeZone: 'UTC', onTick: work, start: true });
    this.registry.addCronJob(name, job);
  }

  private async runExclusive(name: string, work: () => Promise<unknown>): Promise<void> {
    if (this.stoppingSinceMs !== null || this.inProgress.has(name)) return;
    const running = work().then(
      () => undefined,
      (error: unknown) => this.logger.error({ err: error, work: name }, 'scheduled work broke; the next look goes on'),
    );
    this.inProgress.set(name, running);
    await running;
    this.inProgress.delete(name);
  }
}

async function drainBatches(batchSize: number, isStopping: () => boolean, batch: () => Promise<number>): Promise<void> {
  while (!isStopping() && (await batch()) >= batchSize);
}
