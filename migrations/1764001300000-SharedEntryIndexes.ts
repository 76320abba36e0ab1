import type { MigrationInterface, QueryRunner } from 'typeorm';
import { announceIndex, dropIndex } from './partitioned-indexes.ts';
import { SHARED_ENTRY_INDEXES } from './shared-entry-indexes.ts';

/** Indexes of leases and audit entries in a tenth of the space. The next two migrations build them and drop the old. */
export class SharedEntryIndexes1764001300000 implements MigrationInterface {
  readonly name = 'SharedEntryIndexes1764001300000';

  async up(runner: QueryRunner): Promise<void> {
    for (const index of SHARED_ENTRY_INDEXES) await announceIndex(runner, index);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const { table, name } of SHARED_ENTRY_INDEXES) await dropIndex(runner, table, name);
  }
}
