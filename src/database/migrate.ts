import { DataSource, type DataSourceOptions } from 'typeorm';

/** Any number that nothing else in this database uses. */
const MIGRATION_LOCK = 727_001;

/**
 * Runs missing migrations in the database of `dataSource`. Replicas may start together, and TypeORM has no lock of its own, so a
 * session-level advisory lock lets one work while the others wait. Both may exceed the statement timeout of requests, so this uses
 * connections without timeouts. Returns the names of the migrations that ran.
 */
export async function migrate({ options }: DataSource): Promise<string[]> {
  const migrationSource = new DataSource({
    ...options,
    entities: [],
    poolSize: 2,
    extra: { keepAlive: true },
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
