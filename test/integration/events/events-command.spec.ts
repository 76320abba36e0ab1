import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Database } from '../../../src/database/database.ts';
import { Outbox } from '../../../src/events/outbox/outbox.ts';
import { checkEventSubscriptions } from '../../../src/operations/doctor/event-checks.ts';
import { SystemClock } from '../../../src/platform/clock.ts';
import { api } from '../../support/connect-test-context.ts';
import { readRelayedEvents } from '../../support/relayed-events.ts';
import { type CommandResult, runMetavault, runMetavaultJson } from '../../support/run-metavault.ts';
import { startTestReplica, type TestReplica } from '../../support/test-replica.ts';
import { type Receiver, startReceiver } from '../../support/webhook-receiver.ts';

let replica: TestReplica;
let receiver: Receiver;

beforeAll(async () => {
  [replica, receiver] = [await startTestReplica(), await startReceiver(410)];
});
afterAll(async () => {
  await replica.close();
  await receiver.close();
});

const runEvents = (...args: string[]): Promise<CommandResult> =>
  runMetavault({ DATABASE_URL: replica.databaseUrl }, 'events', ...args);

async function run(...args: string[]): Promise<string> {
  const { code, out, err } = await runEvents(...args);
  if (code !== 0) throw new Error(err);
  return out;
}

it('lists subscriptions and dead letters, and replays them by id and by time range', async () => {
  const call = api({ replica });
  const { id } = (await call.post('/v1/subscriptions', { url: receiver.url, events: ['connection.created'] })).body;
  const database = replica.app.get(Database);
  const event = { type: 'connection.created', tenant: 'acme', product: 'pages', connectionId: 'con_1' } as const;
  await replica.app.get(Outbox).add(database, { ...event, data: {} });
  await receiver.waitFor(1);
  while (!(await run('list')).includes(`${id}  ended`)) await new Promise((resolve) => setTimeout(resolve, 100));
  expect(await run('list')).toContain('dead letters: 1');
  const shown = await run('deliveries', id);
  const [delivery = ''] = /dlv_\w+/.exec(shown) ?? [];
  expect(shown).toContain('http_status');
  await expect(run('replay', delivery)).rejects.toThrow('Resume it');
  await call.post(`/v1/subscriptions/${id}/resume`, {});
  receiver.respondWith(200);
  expect(await run('replay', delivery)).toBe(`${delivery} will be sent again`);
  await receiver.waitFor(2);
  while ((await run('deliveries', id, '--status', 'delivered')).split('\n').length < 2) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const range = ['--subscription', id, '--from', '2020-01-01T00:00:00Z'];
  expect(await run('replay', ...range)).toBe('0 deliveries will be sent again');
  expect(await run('replay', ...range, '--delivered')).toBe('1 deliveries will be sent again');
  await receiver.waitFor(3);

  const json = <T>(...args: string[]): Promise<T> =>
    runMetavaultJson<T>({ DATABASE_URL: replica.databaseUrl }, 'events', ...args);
  expect(await json('list')).toMatchObject({
    data: expect.arrayContaining([expect.objectContaining({ id })]),
    backlog: { undispatched: 0, dead: 0 },
  });
  expect(await json('deliveries', id, '--status', 'delivered')).toMatchObject({ data: [{ id: delivery }] });
  expect(await json('replay', delivery)).toMatchObject({ data: [{ id: delivery, status: 'pending' }] });
  expect(await json('replay', ...range)).toEqual({ replayed: 0 });

  for (const [code, ...args] of [
    [2, 'replay'],
    [2, 'replay', '--subscription', id, '--from', 'yesterday'],
    [2, 'deliveries', id, '--status', 'lost'],
    [2, 'deliveries', id, '--limit', '0'],
    [1, 'deliveries', 'sub_none'],
    [1, 'replay', 'dlv_none'],
  ] as [number, ...string[]][]) {
    expect([args, (await runEvents(...args)).code]).toEqual([args, code]);
  }
});

it('lets the doctor name a subscriber that has accepted nothing for a day', async () => {
  const on = { database: replica.app.get(Database), clock: new SystemClock() };
  await api({ replica }).post('/v1/subscriptions', { url: receiver.url, events: ['connection.revoked'] });
  expect((await checkEventSubscriptions(on)).state).toBe('ok');
  await on.database.run({
    text: `UPDATE subscription SET status = 'active', failing_since = now() - interval '25 hours'`,
  });
  const finding = await checkEventSubscriptions(on);
  expect(finding.state).toBe('attention');
  expect(finding.detail).toMatch(/sub_\w+ \(127\.0\.0\.1:\d+, since /);
});

it('shreds what Meta sent about a tenant, with an audit entry, while a replica has the keys in memory', async () => {
  const database = replica.app.get(Database);
  const relay = (tenant: string, mark: string) =>
    replica.app
      .get(Outbox)
      .add(database, { type: 'meta.webhook', tenant, product: null, connectionId: null, data: { mark } });
  await relay('leaving', 'one');
  await relay('leaving', 'two');
  await relay('staying', 'three');
  expect(await run('shred', '--tenant', 'leaving', '--yes')).toBe('Destroyed 1 payload keys of leaving.');
  await relay('leaving', 'four');
  const seen = (await readRelayedEvents(replica)).map(({ data }) => data);
  expect(seen).toEqual([...Array(2).fill('{"erased":true}'), '{"mark":"three"}', '{"mark":"four"}']);
  expect(
    await database.rows({
      text: `SELECT actor_kind, tenant, details FROM audit_entry WHERE action = 'payloads.shredded'`,
    }),
  ).toEqual([{ actor_kind: 'operator', tenant: 'leaving', details: { keys: 1 } }]);
  await expect(run('shred', '--tenant', '')).rejects.toThrow('--tenant');
});
