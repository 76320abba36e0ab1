import type { QueryRunner } from 'typeorm';
import { lockExclusively, type PartitionedTable } from './time-partitions.ts';

/** An index of a partitioned table. Its name begins with the table's; its partitions' indexes begin with theirs. */
export interface PartitionedIndex {
  table: PartitionedTable;
  name: string;
  /** The part of `CREATE INDEX` after the table's name. */
  on: string;
}

interface PartitionIndex {
  partition: string;
  index: string;
}

/** Adds an index that only future partitions have. `buildOnPartitions` adds it to the existing ones. */
export async function announceIndex(runner: QueryRunner, { table, name, on }: PartitionedIndex): Promise<void> {
  await lockExclusively(runner, table);
  await runner.query(`CREATE INDEX ${name} ON ONLY ${table} ${on}`);
}

/**
 * Builds an announced index on the existing partitions without blocking writers. Runs outside of a transaction, and
 * continues where it was interrupted.
 */
export async function buildOnPartitions(runner: QueryRunner, { table, name, on }: PartitionedIndex): Promise<void> {
  for (const { partition, index } of await partitionsWithout(runner, table, name)) {
    // An interrupted build leaves an invalid index behind.
    await runner.query(`DROP INDEX CONCURRENTLY IF EXISTS ${index}`);
    await runner.query(`CREATE INDEX CONCURRENTLY ${index} ON ${partition} ${on}`);
    await runner.startTransaction();
    await lockExclusively(runner, table);
    await runner.query(`ALTER INDEX ${name} ATTACH PARTITION ${index}`);
    await runner.commitTransaction();
  }
}

/** Drops an index including those of all partitions, once no other transaction uses the table. */
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
