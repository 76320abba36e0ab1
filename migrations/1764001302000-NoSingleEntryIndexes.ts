import type { MigrationInterface, QueryRunner } from 'typeorm';
import { dropIndex } from './partitioned-indexes.ts';
import { SINGLE_ENTRY_INDEXES } from './shared-entry-indexes.ts';

/** Drops the indexes that have been replaced. */
export class NoSingleEntryIndexes1764001302000 implements MigrationInterface {
  readonly name = 'NoSingleEntryIndexes1764001302000';

  async up(runner: QueryRunner): Promise<void> {
    for (const { table, name } of SINGLE_ENTRY_INDEXES) await dropIndex(runner, table, name);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const { table, name, on } of SINGLE_ENTRY_INDEXES)
      await runner.query(`CREATE INDEX ${name} ON ${table} ${on}`);
  }
}
