import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { Database } from '../../../../src/database/database.ts';
import { listServedVersions } from '../../../../src/lifecycle/versions/served-version.repository.ts';
import { ServedVersionRecorder } from '../../../../src/lifecycle/versions/served-version-recorder.ts';
import type { ServedVersion } from '../../../../src/meta/graph/version-observer.ts';
import type { JobScheduler } from '../../../../src/platform/jobs/job-scheduler.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { captureLog, startTestReplica, type TestReplica } from '../../../support/test-replica.ts';

let replica: TestReplica;
let database: Database;
let clock: FakeClock;
const log = captureLog();
const writes: Promise<unknown>[] = [];
const jobs = { track: (work: Promise<unknown>) => void writes.push(work), drain: () => Promise.all(writes) };

beforeAll(async () => {
  replica = await startTestReplica();
  database = replica.app.get(Database);
});
afterAll(() => replica.close());
beforeEach(async () => {
  clock = new FakeClock('2026-11-28T12:00:00Z');
  writes.length = 0;
  await database.run({ text: 'DELETE FROM served_version' });
});

const recorderOn = (on: Database = database) =>
  new ServedVersionRecorder(on, clock, jobs as unknown as JobScheduler, log.logger);
const version = (asked: string, served: string): ServedVersion => ({ appId: '1', host: 'facebook', asked, served });
const stored = async () => {
  await jobs.drain();
  const rows = await listServedVersions(database, new Date(0));
  return rows.map(({ asked, served, servedAt }) => `${asked} ${served} ${servedAt.toISOString().slice(11, 19)}`);
};

it('stores changes at once, and an unchanged version once an hour', async () => {
  const recorder = recorderOn();
  recorder.observe(version('v25.0', 'v25.0'));
  clock.advance(3_000);
  recorder.observe(version('v25.0', 'v25.0'));
  expect([writes.length, await stored()]).toEqual([1, ['v25.0 v25.0 12:00:00']]);
  recorder.observe(version('v25.0', 'v26.0'));
  expect([writes.length, await stored()]).toEqual([2, ['v25.0 v26.0 12:50:00']]);
  clock.advance(3_600);
  recorder.observe(version('v25.0', 'v26.0'));
  expect([writes.length, await stored()]).toEqual([3, ['v25.0 v26.0 13:50:00']]);
});

it('writes at most every ten seconds, even if responses alternate', async () => {
  const recorder = recorderOn();
  for (let second = 0; second < 20; second++) {
    recorder.observe(version('v25.0', second % 2 === 0 ? 'v25.0' : 'v26.0'));
    clock.advance(1);
  }
  await jobs.drain();
  expect(writes.length).toBeLessThanOrEqual(3);
});

it('stores no unknown version, since clients may request any', async () => {
  const recorder = recorderOn();
  for (let minor = 0; minor < 100; minor++) recorder.observe(version(`v7.${minor}`, 'v21.0'));
  expect([writes.length, await stored()]).toEqual([0, []]);
});

it('is not overwritten by an older observation of another replica', async () => {
  recorderOn().observe(version('v25.0', 'v26.0'));
  await jobs.drain();
  clock.advance(-60);
  recorderOn().observe(version('v25.0', 'v25.0'));
  expect(await stored()).toEqual(['v25.0 v26.0 12:00:00']);
});

it('survives a database failure and retries later', async () => {
  let isDown = true;
  const failing = {
    run: (statement: Parameters<Database['run']>[0]) =>
      isDown ? Promise.reject(new Error('down')) : database.run(statement),
  } as unknown as Database;
  const recorder = recorderOn(failing);
  recorder.observe(version('v25.0', 'v25.0'));
  await jobs.drain();
  isDown = false;
  recorder.observe(version('v25.0', 'v25.0'));
  expect(await stored()).toEqual([]);
  clock.advance(10);
  recorder.observe(version('v25.0', 'v25.0'));
  expect(await stored()).toEqual(['v25.0 v25.0 12:00:10']);
  expect(log.text()).toContain('could not be stored');
});
