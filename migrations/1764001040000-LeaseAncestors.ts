import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * A lease that replaces a token in an answer names the leases it ends with. Those of the previous release name none:
 * they end with client and connection, or by their own expiry, which was never later than that of the call's lease.
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
