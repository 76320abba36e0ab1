import { Inject, Injectable } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { AuditLog, SYSTEM } from '../../audit/audit-log.ts';
import { Config } from '../../config/config.ts';
import { Database } from '../../database/database.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { DAY_SECONDS } from '../../platform/duration.ts';
import { firstIdAt } from '../../platform/ids.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import { SubscriptionSecretRepository } from '../subscriptions/subscription-secret.repository.ts';
import { FAILING_SECONDS } from './event-backlog.query.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Rows of one statement, so that none is long. */
const BATCH = 5_000;

/** What time does to events and subscriptions. Each step may run on several replicas at once. */
@Injectable()
export class EventMaintenanceJob {
  #isPurging = false;

  constructor(
    private readonly database: Database,
    private readonly secrets: SubscriptionSecretRepository,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
    private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {}

  @Interval('event-subscriptions', MINUTE_MS / 6)
  async maintainSubscriptions(): Promise<void> {
    await this.attempt('maintaining subscriptions', async () => {
      await this.markEndedDeliveriesDead();
      await this.reportFailingSubscriptions();
    });
  }

  @Interval('event-retention', HOUR_MS)
  async purgeExpired(): Promise<void> {
    if (this.#isPurging) return;
    this.#isPurging = true;
    await this.attempt('purging events', async () => {
      await this.purge(this.config.retentionDays);
      await this.database.transaction((tx) => this.secrets.destroyExpired(tx));
    });
    this.#isPurging = false;
  }

  /** What waits for subscriptions that ended becomes a dead letter, which an admin may replay; how many. */
  async markEndedDeliveriesDead(): Promise<number> {
    return this.inBatches(async () =>
      this.database.transaction(async (tx) => {
        await tx.run({
          text: `DELETE FROM delivery_queue WHERE subscription_id IN (SELECT id FROM subscription WHERE status = 'ended')`,
        });
        return tx.run({
          text: `UPDATE delivery SET status = 'dead', last_error = 'subscription_ended', next_attempt_at = NULL WHERE id IN (
            SELECT d.id FROM subscription s JOIN delivery d ON d.subscription_id = s.id
            WHERE s.status = 'ended' AND d.status = 'pending' LIMIT $1)`,
          values: [BATCH],
        });
      }),
    );
  }

  /** One audit entry for each subscription that has failed for a day; how many there were. */
  async reportFailingSubscriptions(): Promise<number> {
    const now = this.clock.now();
    return this.database.transaction(async (tx) => {
      const failing = await tx.rows<{ id: string; failing_since: Date }>({
        name: 'notice_failing',
        text: `UPDATE subscription SET failure_noticed_at = $1
          WHERE status = 'active' AND failing_since <= $2 AND failure_noticed_at IS NULL RETURNING id, failing_since`,
        values: [now, addSeconds(now, -FAILING_SECONDS)],
      });
      for (const { id, failing_since } of failing) {
        await this.audit.record(tx, {
          action: 'subscription.failing',
          actor: SYSTEM,
          subjectId: id,
          details: { failing_since: failing_since.toISOString() },
        });
        this.logger.warn({ subscription_id: id, failing_since }, 'a subscriber has taken nothing for a day');
      }
      return failing.length;
    });
  }

  /**
   * Deletes deliveries that are over, dead letters too, and events that nothing refers to any more, both from before the last
   * `days` days; and what is left of deleted subscriptions. How many events that were.
   */
  async purge(days: number): Promise<number> {
    const before = addSeconds(this.clock.now(), -days * DAY_SECONDS);
    await this.inBatches(() =>
      this.database.run({
        text: `DELETE FROM delivery WHERE id IN (SELECT id FROM delivery WHERE id < $1 AND status <> 'pending' LIMIT $2)`,
        values: [firstIdAt('dlv', before), BATCH],
      }),
    );
    await this.database.run({
      text: `DELETE FROM delivery_queue WHERE subscription_id IN (SELECT id FROM subscription WHERE status = 'deleted')`,
    });
    await this.inBatches(() =>
      this.database.run({
        text: `DELETE FROM delivery WHERE id IN (SELECT d.id FROM subscription s JOIN delivery d ON d.subscription_id = s.id
          WHERE s.status = 'deleted' LIMIT $1)`,
        values: [BATCH],
      }),
    );
    return this.inBatches(() =>
      this.database.run({
        text: `DELETE FROM event WHERE id IN (SELECT e.id FROM event e WHERE e.id < $1 AND e.dispatched_at IS NOT NULL
          AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.event_id = e.id) LIMIT $2)`,
        values: [firstIdAt('evt', before), BATCH],
      }),
    );
  }

  private async inBatches(runBatch: () => Promise<number>): Promise<number> {
    let total = 0;
    for (let count = BATCH; count === BATCH; total += count) count = await runBatch();
    return total;
  }

  private async attempt(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.logger.warn({ err: error }, `${what} failed`);
    }
  }
}
