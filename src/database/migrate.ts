import type { DataSource } from 'typeorm';

/** Any number that nothing else in this database uses. */
const MIGRATION_LOCK = 727_001;

/**
 * Runs what migrations are missing. Replicas may start together: TypeORM has no lock of its own, so a session-level
 * advisory lock lets one work and the rest wait. Returns the names of those that ran.
 */
export async function migrate(dataSource: DataSource): Promise<string[]> {
  const runner = dataSource.createQueryRunner();
  await runner.connect();
  try {
    await runner.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    const done = await dataSource.runMigrations({ transaction: 'each' });
    return done.map((migration) => migration.name);
  } finally {
    await runner.query('SELECT pg_advisory_unlock($1)', [MIGRATION_LOCK]).catch(() => undefined);
    await runner.release();
  }
}
