import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { dataSourceOptions } from '../../../src/database/data-source-options.ts';
import { migrate } from '../../../src/database/migrate.ts';
import { type FreshDatabase, freshDatabase } from '../../support/fresh-database.ts';

const LOCK = 727_001;
let fresh: FreshDatabase;
let hasty: DataSource;

beforeAll(async () => {
  fresh = await freshDatabase();
  const options = { ...dataSourceOptions(fresh.url), extra: { statement_timeout: 50 } } as DataSourceOptions;
  hasty = await new DataSource(options).initialize();
});

afterAll(async () => {
  await hasty?.destroy();
  await fresh?.drop();
});

describe('migrating', () => {
  it('waits for another migrating replica, even past the statement timeout', async () => {
    const other = hasty.createQueryRunner();
    await other.query('SET statement_timeout = 0');
    await other.query('SELECT pg_advisory_lock($1)', [LOCK]);
    await other.query('DELETE FROM schema_migration WHERE name LIKE $1', ['HeldDeliveries%']);
    const migrating = migrate(hasty);
    const outcome = migrating.then(
      () => 'done',
      (error: Error) => error.message,
    );
    let waiting: unknown[] = [];
    while (waiting.length === 0)
      waiting = await other.query(
        `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory' AND now() - query_start > interval '0.2 s'`,
      );
    await other.query(
      `INSERT INTO schema_migration (timestamp, name) VALUES (1764000730000, 'HeldDeliveries1764000730000')`,
    );
    await other.query('SELECT pg_advisory_unlock($1)', [LOCK]);
    await other.release();
    expect(await outcome).toBe('done');
    expect(await migrating).toEqual([]);
  });
});
