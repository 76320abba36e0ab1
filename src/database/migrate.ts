import { DataSource, type DataSourceOptions } from 'typeorm';

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

/** Returns the names of this build's migrations that have not run. Those of newer builds are not ours to judge. */
export async function listMissingMigrations(dataSource: DataSource): Promise<string[]> {
  const ran = new Set((await readRan(dataSource)).map(({ name }) => name));
  return dataSource.migrations
    .map((migration) => migration.name ?? migration.constructor.name)
    .filter((name) => !ran.has(name));
}

/** Empty on a database without our tables. */
async function readRan(dataSource: DataSource): Promise<{ name: string }[]> {
  try {
    return await dataSource.query('SELECT name FROM schema_migration');
  } catch (error) {
    if ((error as { driverError?: { code?: unknown } }).driverError?.code === UNDEFINED_TABLE) return [];
    throw error;
  }
}
