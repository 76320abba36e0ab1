import type { MigrationInterface, QueryRunner } from 'typeorm';
import { mergePartitions, partitionByTime } from './time-partitions.ts';

/**
 * `audit_entry` by the time in its ids, with the same privileges as before: replicas create partitions, and only the
 * table's owner drops them.
 */
export class AuditEntryPartitions1764001280000 implements MigrationInterface {
  readonly name = 'AuditEntryPartitions1764001280000';

  async up(runner: QueryRunner): Promise<void> {
    await partitionByTime(runner, 'audit_entry');
  }

  async down(runner: QueryRunner): Promise<void> {
    await mergePartitions(runner, 'audit_entry');
  }
}
