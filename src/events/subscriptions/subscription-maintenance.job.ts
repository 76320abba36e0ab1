import { Inject, Injectable } from '@nestjs/common';
import { SYSTEM } from '../../audit/actor.ts';
import { AuditLog } from '../../audit/audit-log.ts';
import { Database } from '../../database/database.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { JobScheduler } from '../../platform/jobs/job-scheduler.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import { deleteQueuesByStatus } from '../queue/delivery-queue.repository.ts';
import { deleteDeliveriesOfDeleted, markDeliveriesOfEndedDead } from '../queue/pending-delivery.repository.ts';
import { FAILING_SECONDS } from './subscription.ts';
import { markFailingReported } from './subscription-health.repository.ts';
import { SubscriptionSecretService } from './subscription-secret.service.ts';

const CHECK_MS = 10_000;
const CLEANUP_MS = 60 * 60 * 1000;
/** Rows per statement, to keep each one short. */
const BATCH = 5_000;

/** Time-driven changes of subscriptions. Every step may run on several replicas at once. */
@Injectable()
export class SubscriptionMaintenanceJob {
  constructor(
    private readonly database: Database,
    private readonly secrets: SubscriptionSecretService,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
    jobs: JobScheduler,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {
    jobs.register({
      name: 'event-subscriptions',
      schedule: { everyMs: CHECK_MS },
      run: async (signal) => {
        await this.markEndedDeliveriesDead(signal);
        await this.reportFailingSubscriptions();
      },
    });
    jobs.register({
      name: 'subscription-cleanup',
      schedule: { everyMs: CLEANUP_MS },
      run: async (signal) => {
        await this.deleteRemains(signal);
        await this.destroyExpiredSecrets();
      },
    });
  }

  /** Marks pending deliveries of ended subscriptions as dead letters, which an admin can replay; returns how many. */
  async markEndedDeliveriesDead(signal?: AbortSignal): Promise<number> {
    return inBatches(signal, () =>
      this.database.transaction(async (tx) => {
        await deleteQueuesByStatus(tx, 'ended');
        return markDeliveriesOfEndedDead(tx, BATCH);
      }),
    );
  }

  /** Writes one audit entry per subscription that has failed for a day; returns how many. */
  async reportFailingSubscriptions(): Promise<number> {
    const now = this.clock.now();
    return this.database.transaction(async (tx) => {
      const failing = await markFailingReported(tx, addSeconds(now, -FAILING_SECONDS), now);
      for (const { id, failing_since } of failing) {
        await this.audit.record(tx, {
          action: 'subscription.failing',
          actor: SYSTEM,
          subjectId: id,
          details: { failing_since: failing_since.toISOString() },
        });
        this.logger.warn({ subscription_id: id, failing_since }, 'a subscriber has accepted nothing for a day');
      }
      return failing.length;
    });
  }

  /** Deletes queues and deliveries of deleted subscriptions; returns the number of deliveries. */
  async deleteRemains(signal?: AbortSignal): Promise<number> {
    await deleteQueuesByStatus(this.database, 'deleted');
    return inBatches(signal, () => deleteDeliveriesOfDeleted(this.database, BATCH));
  }

  /** Destroys replaced secrets that have expired. */
  async destroyExpiredSecrets(): Promise<void> {
    await this.database.transaction((tx) => this.secrets.destroyExpired(tx));
  }
}

async function inBatches(signal: AbortSignal | undefined, runBatch: () => Promise<number>): Promise<number> {
  let total = 0;
  for (let count = BATCH; count === BATCH && signal?.aborted !== true; total += count) count = await runBatch();
  return total;
}
