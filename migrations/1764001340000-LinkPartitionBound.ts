import type { MigrationInterface, QueryRunner } from 'typeorm';
import { addPartitionBound, dropPartitionBound } from './time-partitions.ts';

/** Limits the links of before to what their partition will take. The next two migrations check and attach them. */
export class LinkPartitionBound1764001340000 implements MigrationInterface {
  readonly name = 'LinkPartitionBound1764001340000';

  async up(runner: QueryRunner): Promise<void> {
    await addPartitionBound(runner, 'audit_link');
  }

  async down(runner: QueryRunner): Promise<void> {
    await dropPartitionBound(runner, 'audit_link');
  }
}
