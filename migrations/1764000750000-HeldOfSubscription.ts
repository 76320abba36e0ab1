import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Blocked deliveries are looked up per subscriber, and only for those that accept anything: one that is down for days,
 * with all of its connections waiting, must not be read whole for every scrape of the metrics.
 */
export class HeldOfSubscription1764000750000 implements MigrationInterface {
  name = 'HeldOfSubscription1764000750000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX delivery_refused');
    await runner.query(
      `CREATE INDEX delivery_refused ON delivery (subscription_id, retry_until) WHERE status = 'pending' AND attempts > 0`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX delivery_refused');
    await runner.query(
      `CREATE INDEX delivery_refused ON delivery (retry_until) WHERE status = 'pending' AND attempts > 0`,
    );
  }
}
