import { type ChildProcess, spawn } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Database } from '../../src/database/database.ts';
import { Outbox } from '../../src/events/outbox/outbox.ts';
import { api } from '../support/connect-test-context.ts';
import { freePort } from '../support/http-listener.ts';
import { startTestReplica, type TestReplica } from '../support/test-replica.ts';
import { until } from '../support/until.ts';

const ROOT = path.join(import.meta.dirname, '../..');
let replica: TestReplica;
let receiver: ChildProcess | null = null;
let script: string;

beforeAll(async () => {
  replica = await startTestReplica();
  // Inside the repository, so that the example finds the library it imports.
  script = path.join(ROOT, `test/e2e/receiver-${process.pid}.tmp.mjs`);
});
afterAll(async () => {
  receiver?.kill('SIGKILL');
  await rm(script, { force: true });
  await replica.close();
});

it('the documented receiver accepts signed events, prints them, and rejects the rest', async () => {
  const markdown = await readFile(path.join(ROOT, 'docs/receiving-events.md'), 'utf8');
  const [, source = ''] = /```js\n([\s\S]*?)```/.exec(markdown) ?? [];
  expect(source.trim().split('\n').length).toBeLessThanOrEqual(11);
  await writeFile(script, source);
  const url = `http://127.0.0.1:${await freePort()}/hooks`;
  const call = api({ replica });
  const { id, secret } = (await call.post('/v1/subscriptions', { url, events: ['connection.created'] })).body;
  receiver = spawn(process.execPath, [script], {
    env: { PATH: process.env['PATH'], METAVAULT_WEBHOOK_SECRET: secret, PORT: new URL(url).port },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: receiver.stdout ?? process.stdin })[Symbol.asyncIterator]();
  await until(() => fetch(url).catch(() => null));
  expect((await fetch(url, { method: 'POST', body: '{}' })).status).toBe(401);

  expect((await call.post(`/v1/subscriptions/${id}/test`, {})).body).toMatchObject({ delivered: true, status: 204 });
  expect((await lines.next()).value).toMatch(/^evt_\w+ subscription\.test /);
  const event = { type: 'connection.created', tenant: 'acme', product: 'pages', connectionId: 'con_1' } as const;
  await replica.app.get(Outbox).add(replica.app.get(Database), { ...event, data: { connection_id: 'con_1' } });
  expect((await lines.next()).value).toMatch(/^evt_\w+ connection\.created \{ connection_id: 'con_1' \}$/);
});
