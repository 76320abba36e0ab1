import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Finds events that a subscriber keeps refusing and that hold up their connections. */
export class HeldDeliveries1764000730000 implements MigrationInterface {
  name = 'HeldDeliveries1764000730000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `CREATE INDEX delivery_refused ON delivery (retry_until) WHERE status = 'pending' AND attempts > 0`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX delivery_refused');
  }
}
