import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { type ChildReplica, startChildReplica } from '../support/child-replica.ts';
import { completeDialog } from '../support/connect-test-context.ts';
import { type OpenDatabase, openFreshDatabase } from '../support/fresh-database.ts';
import { freePort } from '../support/http-listener.ts';
import { TEST_ADMIN_KEY } from '../support/test-replica.ts';
import { startTestSandbox } from '../support/test-sandbox.ts';
import { until } from '../support/until.ts';

describe('a replica killed while connecting', () => {
  let sandbox: Sandbox;
  let database: OpenDatabase;
  let port: number;
  let running: ChildReplica | null = null;

  beforeAll(async () => {
    sandbox = await startTestSandbox();
    database = await openFreshDatabase();
    port = await freePort();
  });
  afterAll(async () => {
    await running?.kill();
    await database.close();
    await sandbox.close();
  });

  const start = async () => {
    running = await startChildReplica({
      ...sandbox.environment(),
      DATABASE_URL: database.url,
      PORT: String(port),
      PUBLIC_URL: `http://127.0.0.1:${port}`,
      HOST: '127.0.0.1',
      CLAIM_SECONDS: '1',
    });
    return running;
  };
  const count = async (table: string, tenant: string) =>
    (await database.database.rows({ text: `SELECT 1 FROM ${table} WHERE tenant = $1`, values: [tenant] })).length;
  const codesSent = () => sandbox.state.log.list().filter((call) => call.bodyKeys.includes('code')).length;

  it.each([
    ['before the long-lived token arrived', { grantType: 'fb_exchange_token' }],
    ['before the inspection', { pathPattern: 'debug_token' }],
    ['during discovery', { pathPattern: 'me/accounts' }],
  ])('%s loses nothing: the next start finishes it, and the user is connected', async (when, match) => {
    const tenant = `t-${when.split(' ').at(-1)}`;
    const first = running ?? (await start());
    const response = await fetch(`${first.url}/v1/connect-sessions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TEST_ADMIN_KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({ tenant, product: 'pages', flow: 'facebook_login' }),
    });
    const session = (await response.json()) as { connect_url: string };
    const opened = await fetch(session.connect_url, { redirect: 'manual' });
    const cookie = (opened.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
    const callback = await completeDialog(new URL(opened.headers.get('location') ?? ''));
    const before = codesSent();
    const fault = sandbox.state.faults.add({ match, fault: { kind: 'delay', delayMs: 5_000 } });
    const cutOff = fetch(callback, { headers: { cookie } }).catch(() => null);
    await until(() => fault.struck > 0);
    await first.kill();
    await cutOff;
    expect([await count('connection', tenant), await count('pending_authorization', tenant)]).toEqual([0, 1]);
    sandbox.state.faults.clear();

    await start();
    await until(async () => (await count('connection', tenant)) === 1);
    const end = await fetch(callback, { headers: { cookie, accept: 'application/json' } });
    expect(await end.json()).toMatchObject({ status: 'connected' });
    expect([await count('connection', tenant), await count('pending_authorization', tenant)]).toEqual([1, 0]);
    expect(codesSent()).toBe(before + 1);
  });
});
