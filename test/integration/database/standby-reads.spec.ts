import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from '../../../src/database/data-source-options.ts';
import { Database } from '../../../src/database/database.ts';
import { DatabaseServers } from '../../../src/database/servers/database-servers.ts';
import type { ReadOutcome } from '../../../src/database/standby/standby-reads.ts';
import { type DatabaseProxy, startDatabaseProxy } from '../../support/database-proxy.ts';
import { freshDatabase } from '../../support/fresh-database.ts';
import { openResources } from '../../support/open-resources.ts';
import { type PostgresPair, startPostgresPair } from '../../support/postgres-pair.ts';
import { until } from '../../support/until.ts';

/** Even on a slow machine, the standby catches up within this time. */
const WAIT_MS = 5_000;
const READ = { text: `SELECT max(n) AS n, pg_is_in_recovery() AS "isStandby" FROM note` };

let pair: PostgresPair;
let source: DataSource;
let atStandby: DataSource;
let way: DatabaseProxy;
let opened: { close(): Promise<void> } | undefined;
let standby: Database;
const outcomes: ReadOutcome[] = [];

beforeAll(async () => {
  opened = await openResources(async (closeLater) => {
    pair = closeLater(await startPostgresPair());
    way = closeLater(await startDatabaseProxy(pair.standbyUrl));
    const connect = async (url: string): Promise<DataSource> => {
      const connected = await new DataSource(dataSourceOptions(url, 2)).initialize();
      closeLater({ close: () => connected.destroy() });
      return connected;
    };
    source = await connect(pair.url);
    atStandby = await connect(pair.standbyUrl);
    standby = closeLater(open(pair.standbyUrl));
    return {};
  });
  await standby.longRunning.run({ text: 'CREATE TABLE note (n integer NOT NULL)' });
});
afterAll(() => opened?.close());
beforeEach(() => {
  outcomes.length = 0;
});

/** A service's database that reads from `url`. */
function open(url: string, waitMs = WAIT_MS, primary = source): Database {
  const servers = new DatabaseServers(url);
  servers.pooler = { mode: 'transaction', keepsPrepared: false };
  const database = Database.of(primary, undefined, undefined, { servers, waitMs });
  database.reads.onRead((outcome) => outcomes.push(outcome));
  return database;
}

const pauseReplay = (): Promise<unknown> => atStandby.query('SELECT pg_wal_replay_pause()');
const resumeReplay = (): Promise<unknown> => atStandby.query('SELECT pg_wal_replay_resume()');

/** Waits until the standby answers: after trouble, reads avoid it for a moment. */
const standbyAnswers = (database: Database): Promise<unknown> =>
  until(
    () => database.reads.rows<{ isStandby: boolean }>(READ),
    ([row]) => row?.isStandby === true,
  );

let written = 0;
const write = async (): Promise<number> => {
  const n = ++written;
  await standby.run({ text: 'INSERT INTO note VALUES ($1)', values: [n] });
  return n;
};

describe('reads', () => {
  it('come from the standby, and see what was committed just before', async () => {
    for (let round = 0; round < 20; round++) {
      const n = await write();
      expect(await standby.reads.rows(READ)).toMatchObject([{ n }]);
    }
    await standbyAnswers(standby);
    await until(
      () => standby.reads.look(),
      (outcome) => outcome === 'current',
    );
  });

  it('begun at the same time share a look at the primary, and each sees what came before it', async () => {
    const read = async (): Promise<void> => {
      const n = await write();
      const [row] = await standby.reads.rows<{ n: number }>(READ);
      expect(row?.n).toBeGreaterThanOrEqual(n);
    };
    await Promise.all(Array.from({ length: 8 }, read));
  });

  it('come from the primary where there is no standby', async () => {
    const alone = Database.of(source);
    expect(await alone.reads.rows(READ)).toMatchObject([{ isStandby: false }]);
    expect(await alone.reads.look()).toBeNull();
    await alone.close();
  });
});

describe('a standby that lags', () => {
  afterEach(async () => void (await resumeReplay()));

  it('is waited for, for a moment', async () => {
    await standbyAnswers(standby);
    await pauseReplay();
    const n = await write();
    const read = standby.reads.rows(READ);
    await resumeReplay();
    expect(await read).toEqual([{ n, isStandby: true }]);
  });

  it('is left alone after that: the primary answers, with all that was committed', async () => {
    const hasty = open(pair.standbyUrl, 20);
    await standbyAnswers(hasty);
    await pauseReplay();
    const n = await write();
    expect(await hasty.reads.rows(READ)).toEqual([{ n, isStandby: false }]);
    expect(await hasty.reads.orElse(hasty.longRunning).rows(READ)).toEqual([{ n, isStandby: false }]);
    expect(outcomes.slice(-2)).toEqual(['behind', 'behind']);
    expect(await hasty.reads.look()).toBe('behind');
    await resumeReplay();
    await standbyAnswers(hasty);
    await hasty.close();
  });
});

describe.each<[string, () => void]>([
  ['refuses connections', () => way.cut()],
  ['is silent', () => way.silence()],
])('a standby that %s', (_, fail) => {
  it('is replaced by the primary, and used again when it is back', async () => {
    const database = open(way.url);
    await standbyAnswers(database);
    fail();
    const n = await write();
    expect(await database.reads.rows(READ)).toEqual([{ n, isStandby: false }]);
    expect(outcomes.at(-1)).toBe('away');
    expect(database.availability.isUp).toBe(true);
    way.restore();
    await standbyAnswers(database);
    await database.close();
  });
});

it('a statement that fails on the standby is answered by the primary', async () => {
  await standbyAnswers(standby);
  const notDuringRecovery = { text: 'SELECT pg_current_wal_lsn() IS NOT NULL AS known' };
  expect(await standby.reads.rows(notDuringRecovery)).toEqual([{ known: true }]);
  expect(outcomes.at(-1)).toBe('away');
});

it('a server of another cluster is never read from', async () => {
  const fresh = await freshDatabase();
  const database = open(fresh.url);
  const n = await write();
  expect(await database.reads.rows(READ)).toEqual([{ n, isStandby: false }]);
  await until(
    () => database.reads.look(),
    (outcome) => outcome === 'unfit',
  );
  await database.close();
  await fresh.drop();
});

it('a standby that was promoted is not read from: it no longer gets what is written', async () => {
  const resources = await openResources(async (closeLater) => {
    const promoted = closeLater(await startPostgresPair());
    const primary = await new DataSource(dataSourceOptions(promoted.url, 2)).initialize();
    closeLater({ close: () => primary.destroy() });
    const database = closeLater(open(promoted.standbyUrl, WAIT_MS, primary));
    await database.longRunning.run({ text: 'CREATE TABLE note (n integer NOT NULL)' });
    await standbyAnswers(database);
    await promoted.promote();
    await database.run({ text: 'INSERT INTO note VALUES (1)' });
    expect(await database.reads.rows(READ)).toEqual([{ n: 1, isStandby: false }]);
    await until(
      () => database.reads.look(),
      (outcome) => outcome === 'unfit',
    );
    return {};
  });
  await resources.close();
});
