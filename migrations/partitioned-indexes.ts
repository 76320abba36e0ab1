import type { QueryRunner } from 'typeorm';
import { lockExclusively, type PartitionedTable } from './time-partitions.ts';

/** An index of a partitioned table. Its name begins with the table's, as those of its partitions do with theirs. */
export interface PartitionedIndex {
  table: PartitionedTable;
  name: string;
  /** What stands after the table's name in `CREATE INDEX`. */
  on: string;
}

interface PartitionIndex {
  partition: string;
  index: string;
}

/** Adds an index that only partitions to come have. `buildOnPartitions` gives it to those that there are. */
export async function announceIndex(runner: QueryRunner, { table, name, on }: PartitionedIndex): Promise<void> {
  await lockExclusively(runner, table);
  await runner.query(`CREATE INDEX ${name} ON ONLY ${table} ${on}`);
}

/**
 * Builds an announced index on the partitions that there are, beside writers. Runs outside of a transaction, and goes
 * on where it was interrupted.
 */
export async function buildOnPartitions(runner: QueryRunner, { table, name, on }: PartitionedIndex): Promise<void> {
  for (const { partition, index } of await partitionsWithout(runner, table, name)) {
    // What an interrupted build left behind is not valid.
    await runner.query(`DROP INDEX CONCURRENTLY IF EXISTS ${index}`);
    await runner.query(`CREATE INDEX CONCURRENTLY ${index} ON ${partition} ${on}`);
    await runner.startTransaction();
    await lockExclusively(runner, table);
    await runner.query(`ALTER INDEX ${name} ATTACH PARTITION ${index}`);
    await runner.commitTransaction();
  }
}

/** Drops an index with those of all partitions, once nobody else is at the table. */
export async function dropIndex(runner: QueryRunner, table: PartitionedTable, name: string): Promise<void> {
  await lockExclusively(runner, table);
  await runner.query(`DROP INDEX ${name}`);
}

async function partitionsWithout(
  runner: QueryRunner,
  table: PartitionedTable,
  name: string,
): Promise<PartitionIndex[]> {
  return await runner.query(
    `SELECT quote_ident(c.relname) AS partition, quote_ident(replace($2, $1, c.relname)) AS index
      FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
      WHERE i.inhparent = $1::regclass AND NOT EXISTS (
        SELECT FROM pg_inherits a JOIN pg_index x ON x.indexrelid = a.inhrelid
        WHERE a.inhparent = $2::regclass AND x.indrelid = c.oid)
      ORDER BY 1`,
    [table, name],
  );
}
