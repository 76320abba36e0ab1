import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Database } from '../../database/database.ts';
import { isKnownVersion } from '../../meta/graph/graph-version.ts';
import { type ServedVersion, VersionObserver } from '../../meta/graph/version-observer.ts';
import { Clock } from '../../platform/clock.ts';
import { HOUR_SECONDS } from '../../platform/duration.ts';
import { JobScheduler } from '../../platform/jobs/job-scheduler.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import { saveServedVersion } from './served-version.repository.ts';

/** An unchanged version is stored again after this. */
const REPEAT_MS = HOUR_SECONDS * 1000;
/** Minimum interval between changes, and before a failed write is retried. */
const MIN_INTERVAL_MS = 10_000;

/**
 * Stores which API version Meta served, for `doctor` on any machine: at once if it changes, else hourly per replica.
 * Ignores unknown versions, because clients may request any.
 */
@Injectable()
export class ServedVersionRecorder extends VersionObserver implements OnApplicationShutdown {
  readonly #last = new Map<string, { served: string; atMs: number }>();

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly jobs: JobScheduler,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {
    super();
  }

  override observe(version: ServedVersion): void {
    if (!isKnownVersion(version.asked)) return;
    const key = `${version.appId} ${version.host} ${version.asked}`;
    const now = this.clock.now();
    const last = this.#last.get(key);
    const interval = last?.served === version.served ? REPEAT_MS : MIN_INTERVAL_MS;
    if (last !== undefined && now.getTime() - last.atMs < interval) return;
    this.#last.set(key, { served: version.served, atMs: now.getTime() });
    void this.jobs.track(this.save(key, version, now));
  }

  async onApplicationShutdown(): Promise<void> {
    await this.jobs.drain();
  }

  private async save(key: string, version: ServedVersion, at: Date): Promise<void> {
    try {
      await saveServedVersion(this.database, version, at);
    } catch (error) {
      // The first response after the interval stores it.
      this.#last.set(key, { served: '', atMs: at.getTime() });
      this.logger.warn({ err: error, host: version.host }, 'the API version that Meta served could not be stored');
    }
  }
}
