import { expect } from '@jest/globals';
import { Database } from '../../src/database/database.ts';
import { ConsoleBrowser, callWithKey } from './console-test-context.ts';
import { FakeClock } from './fake-clock.ts';
import { type CloseLater, openResources } from './open-resources.ts';
import { captureLog, startTestReplica, TEST_ADMIN_KEY } from './test-replica.ts';

export type ConsoleReplicas = Awaited<ReturnType<typeof openConsoleReplicas>>;

/** Two replicas on one database and one clock, with helpers that sign in to them. */
export function openConsoleReplicas() {
  return openResources(build);
}

async function build(closeLater: CloseLater) {
  const clock = new FakeClock();
  const log = captureLog();
  const overrides = { clock, logger: log.logger };
  const replica = closeLater(await startTestReplica({ overrides }));
  const second = closeLater(await startTestReplica({ databaseUrl: replica.databaseUrl, overrides }));

  async function makeClient(role = 'admin', policy: object = {}): Promise<{ id: string; key: string }> {
    const scope = role === 'service' ? { tenants: ['acme'], products: ['*'] } : {};
    const body = { name: `the ${role}`, role, ...scope, ...policy };
    const response = await callWithKey(replica, 'post', '/v1/clients', body);
    expect(response.status).toBe(201);
    return { id: response.body.id as string, key: response.body.api_key as string };
  }

  async function signedIn(key = TEST_ADMIN_KEY, on = replica): Promise<ConsoleBrowser> {
    const browser = new ConsoleBrowser(on);
    expect((await browser.signIn({ key })).status).toBe(201);
    return browser;
  }

  async function makeLink(): Promise<string> {
    const response = await callWithKey(replica, 'post', '/v1/console/sign-in-links');
    expect(response.status).toBe(201);
    return new URL(response.body.url as string).hash.slice('#sign-in='.length);
  }

  return { replica, second, clock, log, database: replica.app.get(Database), makeClient, signedIn, makeLink };
}
