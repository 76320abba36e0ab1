import type { MigrationInterface, QueryRunner } from 'typeorm';
import { validateChecks } from './time-partitions.ts';

/** Checks existing links in a separate transaction, so that nothing waits for a lock in the meantime. */
export class ValidLinkPartitionBound1764001341000 implements MigrationInterface {
  readonly name = 'ValidLinkPartitionBound1764001341000';

  async up(runner: QueryRunner): Promise<void> {
    await validateChecks(runner, 'audit_link');
  }

  /** A validated constraint works the same as one that is not. */
  async down(): Promise<void> {}
}
