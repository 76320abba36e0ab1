import type { MigrationInterface, QueryRunner } from 'typeorm';
import { validateChecks } from './time-partitions.ts';

/** Checks existing rows in a separate transaction, so that nothing waits for a lock in the meantime. */
export class ValidPartitionBounds1764001260000 implements MigrationInterface {
  readonly name = 'ValidPartitionBounds1764001260000';

  async up(runner: QueryRunner): Promise<void> {
    await validateChecks(runner, 'lease');
    await validateChecks(runner, 'audit_entry');
  }

  /** A validated constraint works the same as one that is not. */
  async down(): Promise<void> {}
}
