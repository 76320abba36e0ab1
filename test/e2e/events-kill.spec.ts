import { afterAll, beforeAll, expect, it } from '@jest/globals';
import pg from 'pg';
import { Webhook } from 'standardwebhooks';
import { type ChildReplica, startChildReplica } from '../support/child-replica.ts';
import { type FreshDatabase, freshDatabase } from '../support/fresh-database.ts';
import { freePort } from '../support/http-listener.ts';
import { TEST_ADMIN_KEY } from '../support/test-replica.ts';
import { until } from '../support/until.ts';
import { type Receiver, startReceiver } from '../support/webhook-receiver.ts';

const CLAIM_SECONDS = 3;
let database: FreshDatabase;
let receiver: Receiver;
const replicas: ChildReplica[] = [];

beforeAll(async () => {
  [database, receiver] = [await freshDatabase(), await startReceiver()];
});
afterAll(async () => {
  for (const replica of replicas) await replica.kill();
  await receiver.close();
  await database.drop();
});

async function start(): Promise<ChildReplica> {
  const port = String(await freePort());
  const replica = await startChildReplica({
    DATABASE_URL: database.url,
    PORT: port,
    CLAIM_SECONDS: String(CLAIM_SECONDS),
  });
  replicas.push(replica);
  return replica;
}

async function post(replica: ChildReplica, path: string, body: object) {
  const response = await fetch(`${replica.url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TEST_ADMIN_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return (await response.json()) as Record<string, string>;
}

it('a replica killed between a delivery and its record: another delivers again, with the same id', async () => {
  const first = await start();
  const { id, secret = '' } = await post(first, '/v1/subscriptions', {
    url: receiver.url,
    events: ['connection.created'],
  });
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  // The receiver has the event and kills the replica before it can respond.
  const killed = new Promise<void>((resolve) => {
    receiver.respondWith(() => void first.kill().then(resolve));
  });
  await client.query(
    `INSERT INTO event (id, type, data, created_at) VALUES ('evt_01hzzzzzzzzzzzzzzzzzzzzzzz', 'connection.created', '{"n":1}', now())`,
  );
  await killed;
  receiver.respondWith(200);
  const second = await start();
  const [before, after] = await receiver.waitFor(2, 20_000);
  expect(after?.id).toBe(before?.id);
  expect(after?.body).toBe(before?.body);
  new Webhook(secret).verify(after?.body ?? '', after?.headers as Record<string, string>);
  const { rows } = await until(
    () => client.query('SELECT status, attempts FROM delivery WHERE subscription_id = $1', [id]),
    (found) => found.rows[0]?.status === 'delivered',
  );
  expect(rows).toEqual([{ status: 'delivered', attempts: 1 }]);
  await client.end();
  await second.kill();
  expect(receiver.received).toHaveLength(2);
});
