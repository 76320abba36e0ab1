import type { MigrationInterface, QueryRunner } from 'typeorm';
import { addPartitionBound, dropPartitionBound } from './time-partitions.ts';

/** Limits existing links to what their partition will accept. The next two migrations validate and attach them. */
export class LinkPartitionBound1764001340000 implements MigrationInterface {
  readonly name = 'LinkPartitionBound1764001340000';

  async up(runner: QueryRunner): Promise<void> {
    await addPartitionBound(runner, 'audit_link');
  }

  async down(runner: QueryRunner): Promise<void> {
    await dropPartitionBound(runner, 'audit_link');
  }
}
