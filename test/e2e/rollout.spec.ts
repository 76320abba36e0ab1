import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { freshDatabase } from '../support/fresh-database.ts';
import { hasHaproxy } from '../support/haproxy.ts';
import { type ServiceProcess, startLoad, startServiceProcess, statusOf } from '../support/rollout.ts';
import { openRolloutTestContext, type RolloutTestContext } from '../support/rollout-test-context.ts';
import { TEST_ENVIRONMENT } from '../support/test-replica.ts';
import { until } from '../support/until.ts';

jest.setTimeout(240_000);

const describeHaproxy = hasHaproxy ? describe : describe.skip;

describeHaproxy(`a rollout behind HAProxy${hasHaproxy ? '' : ' [skipped: haproxy is not installed]'}`, () => {
  let testContext: RolloutTestContext;
  let drop: () => Promise<void>;
  beforeAll(async () => {
    const database = await freshDatabase();
    drop = database.drop;
    testContext = await openRolloutTestContext(database.url, { ...TEST_ENVIRONMENT, SHUTDOWN_DELAY_SECONDS: '3' });
  });
  afterAll(async () => {
    await testContext?.close();
    await drop?.();
  });

  it('of three replicas, one after the other, fails no request', async () => {
    const load = startLoad(testContext.haproxy.url, testContext.requests, { pauseMs: 10 });
    for (const index of testContext.replicas.keys()) expect(await testContext.replace(index)).toBe(0);
    // Lets the last successor serve, too.
    const served = load.sent();
    await until(() => load.sent() > served + 20);
    await load.stop();
    // A busy machine may keep the database from answering in time, which is not the rollout's fault.
    expect(load.failures.filter((failure) => !failure.includes('database_unavailable'))).toEqual([]);
    expect(load.sent()).toBeGreaterThan(100);
  });
});

describe('a replica that is told to stop', () => {
  let replica: ServiceProcess;
  let drop: () => Promise<void>;
  beforeAll(async () => {
    const database = await freshDatabase();
    drop = database.drop;
    const environment = { ...TEST_ENVIRONMENT, DATABASE_URL: database.url, SHUTDOWN_DELAY_SECONDS: '600' };
    replica = await startServiceProcess(environment);
  });
  afterAll(async () => {
    await replica?.end('SIGKILL');
    await drop?.();
  });

  it('first fails readiness, still answers while it closes connections, and ends at once at a second signal', async () => {
    replica.child.kill('SIGTERM');
    await until(async () => (await statusOf(`${replica.url}/health/ready`)) === 503);
    const response = await fetch(`${replica.url}/v1/connections`);
    expect([response.status, response.headers.get('connection')]).toEqual([401, 'close']);
    expect(await replica.end('SIGINT')).toBe(1);
  });
});
