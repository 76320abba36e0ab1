import { afterEach, expect, it } from '@jest/globals';
import request from 'supertest';
import { FakeClock } from '../../support/fake-clock.ts';
import { captureLog, startTestReplica, type TestReplica } from '../../support/test-replica.ts';

let replica: TestReplica;
afterEach(() => replica.close());

const log = captureLog('warn');
const clock = new FakeClock('2026-11-28T12:00:00Z');

async function start(version: string): Promise<void> {
  log.lines.length = 0;
  replica = await startTestReplica({
    environment: { META_GRAPH_API_VERSION: version },
    overrides: { clock, logger: log.logger },
  });
}
const daysLeft = async (api: string): Promise<string[]> => {
  const { text } = await request(replica.app.getHttpServer()).get('/metrics');
  return text.split('\n').filter((line) => line.startsWith(`metavault_${api}_api_version_days_left{`));
};
const warnings = () => log.lines.filter(({ msg }) => String(msg).startsWith('META_GRAPH_API_VERSION'));

it('a version with an end: the days until then, which become negative', async () => {
  await start('v25.0');
  expect(await daysLeft('graph')).toEqual(['metavault_graph_api_version_days_left{version="v25.0"} 608']);
  expect(await daysLeft('marketing')).toEqual(['metavault_marketing_api_version_days_left{version="v25.0"} 86']);
  expect(warnings()).toEqual([]);
  clock.set('2027-03-01T00:00:00Z');
  expect(await daysLeft('marketing')).toEqual(['metavault_marketing_api_version_days_left{version="v25.0"} -6']);
  clock.set('2026-11-28T12:00:00Z');
});

it('a version without a known end: neither a metric nor a warning', async () => {
  await start('v26.0');
  expect(await daysLeft('graph')).toEqual([]);
  expect(await daysLeft('marketing')).toEqual([]);
  expect(warnings()).toEqual([]);
});

it.each([
  ['v21.0', 'ends soon', '53'],
  ['v19.0', 'has ended', '-192'],
  ['v9.0', 'has ended', '0'],
])('%s is started with, and the log says that it %s', async (version, message, days) => {
  await start(version);
  expect(warnings()).toMatchObject([{ version, msg: expect.stringContaining(message), oldest_living: 'v21.0' }]);
  expect(await daysLeft('graph')).toEqual([`metavault_graph_api_version_days_left{version="${version}"} ${days}`]);
});
