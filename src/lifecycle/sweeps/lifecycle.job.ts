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
import { ConnectionVerdicts } from '../../connections/connection/connection-status.service.ts';
import { CredentialVersions } from '../../connections/credentials/credential-version.repository.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import { settledWithin } from '../drain-with-timeout.ts';
import { RevokeAtMeta } from '../provider-revocation.service.ts';
import { Upkeep } from '../retention.service.ts';
import { Sweep, type SweepScope } from './sweep.ts';

const LOOK_EACH_MS = 60_000;
const UPKEEP_CRON = '17 2 * * *';
const BATCH = 500;

/**
 * When this replica looks: at REFRESH_CRON and HEALTH_CRON for all that is due, each minute for what cannot wait. All replicas look; the
 * claims share the work. What is still under way is not begun again, and holds up nothing else: neither another app's work nor other kinds.
 */
@Injectable()
export class Schedule implements OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown {
  private readonly underWay = new Map<string, Promise<void>>();
  private stoppingSinceMs: number | null = null;

  constructor(
    private readonly registry: SchedulerRegistry,
    private readonly sweep: Sweep,
    private readonly revocations: RevokeAtMeta,
    private readonly verdicts: ConnectionVerdicts,
    private readonly versions: CredentialVersions,
    private readonly upkeep: Upkeep,
    private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {}

  onApplicationBootstrap(): void {
    this.at('lifecycle refresh', this.config.refreshCron, () => this.ofEachApp('refresh', 'due'));
    this.at('lifecycle health', this.config.healthCron, () => this.ofEachApp('health', 'due'));
    this.at('lifecycle upkeep', UPKEEP_CRON, () =>
      this.once('upkeep', () => this.upkeep.run(() => this.stoppingSinceMs !== null)),
    );
    const timer = setInterval(() => void this.look(), LOOK_EACH_MS);
    timer.unref();
    this.registry.addInterval('lifecycle look', timer);
  }

  /** What cannot wait for the schedule. `off` switches renewals or inspections off on this replica, here as well. Never throws. */
  async look(): Promise<void> {
    const isStopping = (): boolean => this.stoppingSinceMs !== null;
    await Promise.all([
      this.config.refreshCron === null ? null : this.ofEachApp('refresh', 'retries'),
      this.config.healthCron === null ? null : this.ofEachApp('health', 'retries'),
      this.once('revocations', () => this.revocations.workOff(isStopping)),
      this.once('data access', () => untilFewer(BATCH, isStopping, () => this.verdicts.watchDataAccess(BATCH))),
      this.once('spent versions', () => untilFewer(BATCH, isStopping, () => this.versions.destroySpent(BATCH))),
    ]);
  }

  /** No timer stays behind; what is under way begins nothing new. */
  onModuleDestroy(): void {
    this.stoppingSinceMs = performance.now();
    for (const name of ['lifecycle refresh', 'lifecycle health', 'lifecycle upkeep']) {
      if (this.registry.doesExist('cron', name)) this.registry.deleteCronJob(name);
    }
    if (this.registry.doesExist('interval', 'lifecycle look')) this.registry.deleteInterval('lifecycle look');
  }

  async onApplicationShutdown(): Promise<void> {
    await settledWithin(this.underWay.values(), this.stoppingSinceMs ?? performance.now());
  }

  private async ofEachApp(sweep: 'refresh' | 'health', scope: SweepScope): Promise<void> {
    const each = (appId: string): Promise<void> =>
      this.once(`${sweep} of ${scope} for ${appId}`, () => this.sweep[sweep](scope, [appId]));
    await Promise.all(this.sweep.appIds.map(each));
  }

  private at(name: string, cronTime: string | null, work: () => Promise<void>): void {
    if (cronTime === null) return;
    const job = CronJob.from({ cronTime, timeZone: 'UTC', onTick: work, start: true });
    this.registry.addCronJob(name, job);
  }

  private async once(name: string, work: () => Promise<unknown>): Promise<void> {
    if (this.stoppingSinceMs !== null || this.underWay.has(name)) return;
    const running = work().then(
      () => undefined,
      (error: unknown) => this.logger.error({ err: error, work: name }, 'scheduled work broke; the next look goes on'),
    );
    this.underWay.set(name, running);
    await running;
    this.underWay.delete(name);
  }
}

async function untilFewer(full: number, isStopping: () => boolean, batch: () => Promise<number>): Promise<void> {
  while (!isStopping() && (await batch()) >= full);
}
