import { DataSource, type DataSourceOptions } from 'typeorm';
import { judgeSchema, type SchemaState } from './schema-state.ts';

/** Advisory lock for migrations: unique in this database. */
const MIGRATION_LOCK = 727_001;
/** SQLSTATE of a table that does not exist. */
const UNDEFINED_TABLE = '42P01';

/**
 * Runs missing migrations and returns their names. TypeORM has no lock, so an advisory lock lets one of several
 * starting replicas work while the others wait. Uses connections without timeouts, because both may take longer than
 * requests may.
 */
export async function migrate({ options }: DataSource): Promise<string[]> {
  const migrationSource = new DataSource({
    ...options,
    entities: [],
    poolSize: 2,
    extra: {},
  } as DataSourceOptions);
  await migrationSource.initialize();
  try {
    const runner = migrationSource.createQueryRunner();
    await runner.query(`SELECT pg_advisory_lock(${MIGRATION_LOCK})`);
    try {
      const done = await migrationSource.runMigrations({ transaction: 'each' });
      return done.map((migration) => migration.name);
    } finally {
      await runner.query(`SELECT pg_advisory_unlock(${MIGRATION_LOCK})`).catch(() => undefined);
      await runner.release();
    }
  } finally {
    await migrationSource.destroy();
  }
}

/** Names of this build's migrations, oldest first. */
export function migrationNames({ migrations }: DataSource): string[] {
  return migrations.map((migration) => migration.name ?? migration.constructor.name);
}

/** Compares the schema with this build, also on a database without our tables. */
export async function inspectSchema(dataSource: DataSource): Promise<SchemaState> {
  const names = await readColumn(dataSource, 'SELECT name AS value FROM schema_migration');
  const needs = await readColumn(dataSource, 'SELECT needs AS value FROM schema_contract');
  return judgeSchema(migrationNames(dataSource), new Set(names), needs);
}

/** Empty if there is no such table yet. */
async function readColumn(dataSource: DataSource, statement: string): Promise<string[]> {
  try {
    const rows: { value: string }[] = await dataSource.query(statement);
    return rows.map(({ value }) => value);
  } catch (error) {
    if ((error as { driverError?: { code?: unknown } }).driverError?.code === UNDEFINED_TABLE) return [];
    throw error;
  }
}
