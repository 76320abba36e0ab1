import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from '../../../../src/database/data-source-options.ts';
import { Database } from '../../../../src/database/database.ts';
import { DatabaseServers } from '../../../../src/database/servers/database-servers.ts';
import { type DatabaseProxy, startDatabaseProxy } from '../../../support/database-proxy.ts';
import { type DatabaseServer, startDatabaseServer } from '../../../support/database-server.ts';
import { until } from '../../../support/until.ts';

const readPort = { text: 'SELECT inet_server_port() AS port' };
const write = { text: 'CREATE TABLE IF NOT EXISTS written (id int)' };

let one: DatabaseServer;
let other: DatabaseServer;
/** In front of `one`, to make it hang or refuse. */
let proxy: DatabaseProxy;

beforeAll(async () => {
  one = await startDatabaseServer();
  other = await startDatabaseServer();
  for (const server of [one, other]) await server.sql(`CREATE ROLE shared LOGIN SUPERUSER PASSWORD 'shared'`);
  proxy = await startDatabaseProxy(one.url);
});
beforeEach(async () => {
  proxy.restore();
  await one.configure({ default_transaction_read_only: 'on' });
  await other.configure({ default_transaction_read_only: 'off' });
});
afterAll(async () => {
  proxy?.close();
  await Promise.all([one?.close(), other?.close()]);
});

/** The URL of several hosts in this order, with a user that both have. */
function urlOf(...ports: (string | number)[]): string {
  return `postgres://shared:shared@${ports.map((port) => `127.0.0.1:${port}`).join(',')}/postgres`;
}

async function withDatabase(url: string, work: (database: Database) => Promise<void>): Promise<void> {
  const source = await new DataSource(dataSourceOptions(url, 2)).initialize();
  const database = Database.of(source);
  try {
    await work(database);
  } finally {
    await database.close();
    await source.destroy();
  }
}

describe('of several hosts', () => {
  it.each(['first', 'last'])('every pool takes the one that takes writes, where it is the %s', async (place) => {
    const ports = place === 'last' ? [one.port, other.port] : [other.port, one.port];
    await withDatabase(urlOf(...ports), async (database) => {
      for (const pool of [database, database.longRunning, database.failFast])
        expect(await pool.rows(readPort)).toEqual([{ port: other.port }]);
    });
  });

  it.each(['hangs', 'refuses'])('one that %s does not keep even leases waiting', async (trouble) => {
    if (trouble === 'hangs') proxy.silence();
    else proxy.cut();
    await withDatabase(urlOf(new URL(proxy.url).port, other.port), async ({ failFast }) => {
      // On a busy machine the first answer may take longer than leases allow, but not every one.
      const found = await until(() => failFast.rows(readPort).catch(() => null));
      expect(found).toEqual([{ port: other.port }]);
    });
  });

  it('all are left when they become read-only, and writes go to the new primary', async () => {
    await withDatabase(urlOf(one.port, other.port), async (database) => {
      await Promise.all([database.run(write), database.longRunning.run(write), database.failFast.rows(readPort)]);
      await other.configure({ default_transaction_read_only: 'on' });
      const refusal = { code: 'database_unavailable' };
      await until(
        () => database.run(write).catch((error: unknown) => error),
        (seen) =>
          seen instanceof Error && Object.entries(refusal).every(([key, value]) => Reflect.get(seen, key) === value),
      );
      await one.configure({ default_transaction_read_only: 'off' });
      await until(() =>
        database.run(write).then(
          () => true,
          () => false,
        ),
      );
      // Connections without writes have left the old server, too.
      for (const pool of [database, database.longRunning, database.failFast])
        expect(await pool.rows(readPort)).toEqual([{ port: one.port }]);
    });
  });

  it('none that takes writes is an error that says so; any will do where the URL says so', async () => {
    await other.configure({ default_transaction_read_only: 'on' });
    await expect(new DatabaseServers(urlOf(one.port, other.port)).connect(2_000)).rejects.toMatchObject({
      code: '25006',
    });
    const client = await new DatabaseServers(`${urlOf(one.port, other.port)}?target_session_attrs=any`).connect(2_000);
    await client.end();
    const single = new DatabaseServers(`${urlOf(one.port)}?target_session_attrs=read-write`);
    await expect(single.connect(2_000)).rejects.toMatchObject({ code: '25006' });
  });
});
