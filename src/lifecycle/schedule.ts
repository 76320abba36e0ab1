import {
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
} from '@nestjs/common';
import { SchedulerRegistry } from '@nestjs/schedule';
import { CronJob } from 'cron';
import { Config } from '../config/config.ts';
import { ConnectionVerdicts } from '../connections/connection-verdicts.ts';
import { CredentialVersions } from '../connections/credential-versions.ts';
import { LOGGER, type Pino } from '../platform/logger.ts';
import { RevokeAtMeta } from './revoke-at-meta.ts';
import { settledWithin } from './settled-within.ts';
import { Sweep } from './sweep.ts';
import { Upkeep } from './upkeep.ts';

const LOOK_EACH_MS = 60_000;
const UPKEEP_CRON = '17 2 * * *';
const BATCH = 500;

/**
 * When this replica looks: at REFRESH_CRON and HEALTH_CRON for all that is due, each minute for what cannot wait. All replicas look; the
 * claims share the work. A look that is still under way is not begun again.
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
    this.at('lifecycle refresh', this.config.refreshCron, () => this.sweep.refresh());
    this.at('lifecycle health', this.config.healthCron, () => this.sweep.health());
    this.at('lifecycle upkeep', UPKEEP_CRON, () => this.upkeep.run(() => this.stoppingSinceMs !== null));
    const timer = setInterval(() => void this.once('look', () => this.look()), LOOK_EACH_MS);
    timer.unref();
    this.registry.addInterval('lifecycle look', timer);
  }

  /** What cannot wait for the schedule. `off` switches renewals or inspections off on this replica, here as well. */
  async look(): Promise<void> {
    const isStopping = (): boolean => this.stoppingSinceMs !== null;
    if (this.config.refreshCron !== null) await this.sweep.refresh('retries');
    if (this.config.healthCron !== null) await this.sweep.health('retries');
    await this.revocations.workOff(isStopping);
    await untilFewer(BATCH, isStopping, () => this.verdicts.watchDataAccess(BATCH));
    await untilFewer(BATCH, isStopping, () => this.versions.destroySpent(BATCH));
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

  private at(name: string, cronTime: string | null, work: () => Promise<unknown>): void {
    if (cronTime === null) return;
    const job = CronJob.from({ cronTime, timeZone: 'UTC', onTick: () => this.once(name, work), start: true });
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
