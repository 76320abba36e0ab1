import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Looks for refused events per subscriber, and only those that accept something: if a subscriber has been down for
 * days, its whole backlog must not be read at every metrics scrape.
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
