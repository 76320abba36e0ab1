import type { MigrationInterface, QueryRunner } from 'typeorm';
import { buildOnPartitions } from './partitioned-indexes.ts';
import { SHARED_ENTRY_INDEXES } from './shared-entry-indexes.ts';

/** Builds the indexes without blocking writers, which requires a migration outside of a transaction. */
export class BuiltEntryIndexes1764001301000 implements MigrationInterface {
  readonly name = 'BuiltEntryIndexes1764001301000';
  readonly transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    for (const index of SHARED_ENTRY_INDEXES) await buildOnPartitions(runner, index);
  }

  /** The previous migration drops them. */
  async down(): Promise<void> {}
}
