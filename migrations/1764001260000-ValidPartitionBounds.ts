import type { MigrationInterface, QueryRunner } from 'typeorm';
import { validateChecks } from './time-partitions.ts';

/** Reads the rows of before in a transaction of its own, so that nobody waits for a lock meanwhile. */
export class ValidPartitionBounds1764001260000 implements MigrationInterface {
  readonly name = 'ValidPartitionBounds1764001260000';

  async up(runner: QueryRunner): Promise<void> {
    await validateChecks(runner, 'lease');
    await validateChecks(runner, 'audit_entry');
  }

  /** A valid check is no other than one that is not. */
  async down(): Promise<void> {}
}
