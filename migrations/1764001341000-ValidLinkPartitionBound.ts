import type { MigrationInterface, QueryRunner } from 'typeorm';
import { validateChecks } from './time-partitions.ts';

/** Reads the links of before in a transaction of its own, so that nobody waits for a lock meanwhile. */
export class ValidLinkPartitionBound1764001341000 implements MigrationInterface {
  readonly name = 'ValidLinkPartitionBound1764001341000';

  async up(runner: QueryRunner): Promise<void> {
    await validateChecks(runner, 'audit_link');
  }

  /** A valid check is no other than one that is not. */
  async down(): Promise<void> {}
}
