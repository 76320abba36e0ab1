import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * A lease that stands in an answer in a token's place knows the leases that it ends with. Those of the release before have none: they end
 * with client and connection, and by their own time, which was never later than that of the lease of the call.
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
