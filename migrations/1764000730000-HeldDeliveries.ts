import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Finds what a subscriber refuses over and over: the events that hold up their connections there. */
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
