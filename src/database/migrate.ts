import { DataSource, type DataSourceOptions } from 'typeorm';

/** Advisory lock for migrations: unique in this database. */
const MIGRATION_LOCK = 727_001;

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
