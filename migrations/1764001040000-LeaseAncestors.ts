import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Records the leases whose end also ends a lease that replaces a token in a response. Leases of the previous release
 * have none recorded: they end with their client and connection, and by their own expiry, which is no later than the
 * calling lease's.
 */
export class LeaseAncestors1764001040000 implements MigrationInterface {
  readonly name = 'LeaseAncestors1764001040000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE lease ADD COLUMN ancestor_ids text[] CHECK (cardinality(ancestor_ids) > 0)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE lease DROP COLUMN ancestor_ids');
  }
}
