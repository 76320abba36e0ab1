import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.ts';
import { Clock } from '../platform/clock.ts';
import { JobScheduler } from '../platform/jobs/job-scheduler.ts';
import { AppRepository } from './app.repository.ts';
import { AppSecretStore } from './app-secret-store.ts';

const INTERVAL_MS = 3_600_000;
const BATCH = 100;

/**
 * Destroys apps' previous secrets after the grace period. They are not accepted after it, whether or not this has run.
 */
@Injectable()
export class PreviousSecretJob {
  constructor(
    jobs: JobScheduler,
    private readonly database: Database,
    private readonly repository: AppRepository,
    private readonly secrets: AppSecretStore,
    private readonly clock: Clock,
  ) {
    jobs.register({
      name: 'previous-app-secrets',
      schedule: { everyMs: INTERVAL_MS },
      run: (signal) => this.destroyExpired(signal),
    });
  }

  /** Starts nothing new once `signal` is aborted. */
  async destroyExpired(signal?: AbortSignal): Promise<void> {
    const due = await this.repository.listExpiredSecrets(this.database, this.clock.now(), BATCH);
    for (const appId of due) if (signal?.aborted !== true) await this.destroy(appId);
  }

  private async destroy(appId: string): Promise<void> {
    await this.database.transaction(async (tx) => {
      const row = await this.repository.lock(tx, appId);
      const now = this.clock.now();
      if (row === null || row.previous_secret_until === null || row.previous_secret_until > now) return;
      const { previous_app_secret: _, ...kept } = row.secret_ids;
      const after = {
        ...row,
        secret_ids: kept,
        previous_secret_until: null,
        version: row.version + 1,
        updated_at: now,
      };
      await this.repository.update(tx, after);
      await this.secrets.destroyReplaced(tx, row.secret_ids, kept);
    });
  }
}
