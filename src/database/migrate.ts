import { DataSource, type DataSourceOptions } from 'typeorm';

/** Any number that nothing else in this database uses. */
const MIGRATION_LOCK = 727_001;

/**
 * Runs what migrations are missing in the database of `dataSource`. Replicas may start together: TypeORM has no lock of its own, so a
 * session-level advisory lock lets one work and the rest wait. Both may take longer than a statement of a request may, so it is done on
 * connections without time limits. Returns the names of those that ran.
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
