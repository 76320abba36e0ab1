import type { MigrationInterface, QueryRunner } from 'typeorm';
import { definePartitionFunctions } from './partition-functions.ts';
import { mergePartitions, partitionByTime } from './time-partitions.ts';

/** `audit_link` by the time of its entries, with unchanged privileges. A position is unique within each partition. */
export class LinkPartitions1764001342000 implements MigrationInterface {
  readonly name = 'LinkPartitions1764001342000';

  async up(runner: QueryRunner): Promise<void> {
    await definePartitionFunctions(runner, ['lease', 'audit_entry', 'audit_link']);
    await partitionByTime(runner, 'audit_link');
  }

  async down(runner: QueryRunner): Promise<void> {
    await mergePartitions(runner, 'audit_link');
    await definePartitionFunctions(runner, ['lease', 'audit_entry']);
  }
}
