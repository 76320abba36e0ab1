import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import request from 'supertest';
import { api } from '../support/connect-test-context.ts';
import { useSubscriptions } from '../support/subscriptions-test-context.ts';
import { startTestReplica, type TestReplica } from '../support/test-replica.ts';
import { until } from '../support/until.ts';
import { type Receiver, startReceiver } from '../support/webhook-receiver.ts';

let other: TestReplica;
/** Somebody with write access to the database, but no key. */
let attacker: pg.Client;
let evil: Receiver;
// Must precede the hook of `useSubscriptions` that drops the database.
afterAll(async () => {
  await attacker?.end();
  await evil?.close();
  await other?.close();
});
const context = useSubscriptions();

beforeAll(async () => {
  other = await startTestReplica({ databaseUrl: context.replica.databaseUrl });
  attacker = new pg.Client({ connectionString: context.replica.databaseUrl });
  await attacker.connect();
  evil = await startReceiver();
});
async function failures(): Promise<number> {
  let sum = 0;
  for (const { app } of [context.replica, other]) {
    const { text } = await request(app.getHttpServer()).get('/metrics');
    sum += Number(/^metavault_integrity_failures_total\{table="subscription"\} (\d+)$/m.exec(text)?.[1] ?? 0);
  }
  return sum;
}

describe('a subscription redirected in the database', () => {
  it('receives nothing, is absent on every replica, and is reported; once restored, it continues', async () => {
    const { id } = await context.subscribe();
    await context.publish({ data: { n: 0 } });
    await context.receiver.waitFor(1);
    const before = await failures();
    await attacker.query('UPDATE subscription SET url = $2, revision = revision + 1 WHERE id = $1', [id, evil.url]);
    await context.publish({ data: { n: 1 } });
    await until(failures, (count) => count > before + 1);
    for (const replica of [context.replica, other]) {
      const call = api({ replica });
      const responses = [
        await call.get(`/v1/subscriptions/${id}`),
        await call.get(`/v1/subscriptions/${id}/deliveries`),
        await call.patch(`/v1/subscriptions/${id}`, { events: ['connection.revoked'] }),
        await call.post(`/v1/subscriptions/${id}/test`, {}),
        await call.post(`/v1/subscriptions/${id}/resume`, {}),
        await call.post(`/v1/subscriptions/${id}/rotate-secret`, {}),
        await call.post(`/v1/subscriptions/${id}/replay`, { from: '2020-01-01T00:00:00Z' }),
        await call.delete(`/v1/subscriptions/${id}`),
      ];
      expect(responses.map(({ status, body }) => [status, body.code])).toEqual(
        responses.map(() => [404, 'subscription_not_found']),
      );
      expect((await call.get('/v1/subscriptions')).body.data).toEqual([]);
    }
    const refused = async (): Promise<{ subject_id: string; details: unknown }[]> =>
      (await context.call().get('/v1/audit?action=integrity.row_refused')).body.data;
    const entries = await until(refused, (found) => found.some((entry) => entry.subject_id === id));
    expect(entries.find((entry) => entry.subject_id === id)?.details).toMatchObject({ table: 'subscription' });
    expect(context.log.lines).toContainEqual(expect.objectContaining({ table: 'subscription', row_id: id }));
    expect(context.log.text()).not.toContain(evil.url);
    await attacker.query('UPDATE subscription SET url = $2 WHERE id = $1', [id, context.receiver.url]);
    const received = await context.receiver.waitFor(2, 30_000);
    expect(received.map(({ message }) => message.data)).toEqual([{ n: 0 }, { n: 1 }]);
    expect(evil.received).toEqual([]);
  });
});

describe('a subscription forged in the database', () => {
  it('receives nothing', async () => {
    const { id } = await context.subscribe();
    await attacker.query(
      `INSERT INTO subscription (id, url, events, status, created_at, updated_at, mac)
        SELECT 'sub_0000000000000000000000000000', $2, events, status, created_at, updated_at, mac FROM subscription WHERE id = $1`,
      [id, evil.url],
    );
    const before = await failures();
    await context.publish();
    await context.receiver.waitFor(1);
    await until(failures, (count) => count > before);
    expect(evil.received).toEqual([]);
    expect((await context.call().get('/v1/subscriptions')).body.data).toHaveLength(1);
  });
});
