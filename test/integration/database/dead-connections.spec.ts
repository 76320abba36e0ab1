import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Pool } from 'pg';
import { DataSource } from 'typeorm';
import type { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver.js';
import { dataSourceOptions } from '../../../src/database/data-source-options.ts';
import { Database } from '../../../src/database/database.ts';
import { type DatabaseProxy, startDatabaseProxy } from '../../support/database-proxy.ts';
import { type FreshDatabase, freshDatabase } from '../../support/fresh-database.ts';

let fresh: FreshDatabase;
let proxy: DatabaseProxy;
let source: DataSource;
let database: Database;

beforeAll(async () => {
  fresh = await freshDatabase();
  proxy = await startDatabaseProxy(fresh.url);
  const options = dataSourceOptions(proxy.url, 2);
  source = await new DataSource({ ...options, extra: { ...options.extra, query_timeout: 300 } } as never).initialize();
  database = Database.of(source);
});
afterAll(async () => {
  proxy?.close();
  await source?.destroy();
  await fresh?.drop();
});

const one = { text: 'SELECT 1 AS one' };

describe.each([
  ['statements', () => database],
  ['long-running work', () => database.longRunning],
])('dead connections of %s', (_, pool) => {
  it('are discarded, even in transactions, and replaced', async () => {
    await Promise.all([pool().rows(one), pool().rows(one)]);
    proxy.silence();
    const transactions = Array.from({ length: 3 }, () => pool().transaction((tx) => tx.rows(one)));
    for (const result of await Promise.allSettled(transactions))
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'database_unavailable' } });
    await expect(pool().rows(one)).rejects.toThrow('database_unavailable');
    proxy.restore();
    expect(await Promise.all([pool().rows(one), pool().transaction((tx) => tx.rows(one))])).toEqual([
      [{ one: 1 }],
      [{ one: 1 }],
    ]);
  });
});

it('are not used to read entities', async () => {
  await database.longRunning.rows(one);
  proxy.silence();
  await expect(database.longRunning.rows(one)).rejects.toThrow('database_unavailable');
  proxy.restore();
  expect(await database.read((manager) => manager.query('SELECT 1 AS one'))).toEqual([{ one: 1 }]);
});

it('are listened to, even if they were made before: an error of one without a listener would end the process', async () => {
  const other = await new DataSource(dataSourceOptions(fresh.url, 1)).initialize();
  try {
    const { longRunning } = Database.of(other);
    const client = await ((other.driver as PostgresDriver).master as Pool).connect();
    expect(longRunning.mayBeDead(client)).toBe(false);
    expect(client.listenerCount('error')).toBe(1);
    client.release();
  } finally {
    await other.destroy();
  }
});
