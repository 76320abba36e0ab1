import { beforeEach, describe, expect, it } from '@jest/globals';
import { WITHOUT_SCOPE } from '../../../support/events-harness.ts';
import { useEvents } from '../../../support/events-test-context.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import type { Receiver } from '../../../support/webhook-receiver.ts';

const clock = new FakeClock();
const events = useEvents(clock);

let attacker: Receiver;
let id: string;
beforeEach(async () => {
  attacker = await events.anotherReceiver();
  id = await events.harness.subscribe({ url: events.receiver.url, tenants: ['acme'] });
});

const setColumns = (columns: string, ...values: unknown[]) =>
  events.rows(`UPDATE subscription SET ${columns} WHERE id = $1`, id, ...values);

/** Runs both replicas until neither finds work. */
async function deliver(): Promise<void> {
  await events.harness.deliverAll();
  await events.other.deliverAll();
}

describe('a subscription changed in the database', () => {
  it.each([
    ['a changed address', 'url'],
    ['a changed address and revision', 'url, revision'],
  ])('gets nothing with %s; its events wait until it is repaired', async (_, what) => {
    await events.harness.publish();
    await deliver();
    expect(events.receiver.received).toHaveLength(1);
    await setColumns(what === 'url' ? 'url = $2' : 'url = $2, revision = revision + 1', attacker.url);
    await events.harness.publish({ connectionId: 'con_1' });
    await events.harness.publish({ connectionId: 'con_2' });
    for (let times = 0; times < 3; times++) {
      await deliver();
      clock.advance(3600);
    }
    expect([attacker.received, events.receiver.received.length]).toEqual([[], 1]);
    expect(await events.rows("SELECT attempts FROM delivery WHERE status = 'pending'")).toEqual([
      { attempts: 0 },
      { attempts: 0 },
    ]);
    await setColumns('url = $2', events.receiver.url);
    await deliver();
    expect([attacker.received, events.receiver.received.length]).toEqual([[], 3]);
  });

  it('gets no event of another tenant through a wider filter, not even after it is repaired', async () => {
    await setColumns('tenants = NULL');
    await events.harness.publish({ tenant: 'other', connectionId: 'con_other' });
    await deliver();
    expect(events.receiver.received).toEqual([]);
    await setColumns("tenants = '{acme}'");
    clock.advance(60);
    await deliver();
    expect(events.receiver.received).toEqual([]);
    expect(await events.rows('SELECT status, last_error FROM delivery')).toEqual([
      { status: 'dead', last_error: 'not_subscribed' },
    ]);
  });

  it('is not resumed by changing its status', async () => {
    await events.harness.store.pause(WITHOUT_SCOPE, id);
    await setColumns("status = 'active'");
    await events.harness.publish();
    await deliver();
    expect(events.receiver.received).toEqual([]);
  });

  it.each([
    ['ended', 410],
    ['deleted', 204],
  ])('is not brought back once it is %s', async (status, answer) => {
    events.receiver.respondWith(answer);
    await events.harness.publish();
    await deliver();
    if (status === 'deleted') await events.harness.store.delete(WITHOUT_SCOPE, id);
    expect(await events.rows('SELECT status FROM subscription')).toEqual([{ status }]);
    events.receiver.respondWith(204);
    await setColumns("status = 'active', status_reason = NULL");
    await events.harness.publish();
    await deliver();
    expect(events.receiver.received).toHaveLength(1);
  });

  it('counts as absent and cannot be changed', async () => {
    await setColumns('url = $2', attacker.url);
    const { store, changes } = events.harness;
    const missing = 'subscription_not_found';
    await expect(store.get(id, WITHOUT_SCOPE.scope)).rejects.toThrow(missing);
    await expect(store.pause(WITHOUT_SCOPE, id)).rejects.toThrow(missing);
    await expect(store.rotateSecret(WITHOUT_SCOPE, id, 0)).rejects.toThrow(missing);
    await expect(store.delete(WITHOUT_SCOPE, id)).rejects.toThrow(missing);
    await expect(changes.change(WITHOUT_SCOPE, id, { tenants: null })).rejects.toThrow(missing);
  });

  it('does not shorten pages of the list', async () => {
    const others: string[] = [];
    for (let count = 0; count < 4; count++)
      others.push(await events.harness.subscribe({ url: events.receiver.url, tenants: ['acme'] }));
    await setColumns('url = $2', attacker.url);
    const listed = await events.harness.store.list(WITHOUT_SCOPE.scope, 2, null);
    expect(listed.map((row) => row.id)).toEqual(others.slice(0, 3));
  });
});

describe('a row inserted into the database', () => {
  it('is not a subscription, whatever its MAC', async () => {
    await events.rows(
      `INSERT INTO subscription (id, url, events, status, created_at, updated_at, mac)
      SELECT replace(id, 'sub_', 'sub_9'), $1, events, status, created_at, updated_at, mac FROM subscription`,
      attacker.url,
    );
    await events.rows(`INSERT INTO subscription_secret SELECT replace(subscription_id, 'sub_', 'sub_9'), version, secret_id, created_at
      FROM subscription_secret`);
    await events.harness.publish();
    await deliver();
    expect([attacker.received, events.receiver.received.length]).toEqual([[], 1]);
    expect(await events.harness.store.list(WITHOUT_SCOPE.scope, 10, null)).toHaveLength(1);
  });

  it('is not a delivery: what the subscription does not get is not sent', async () => {
    await events.harness.publish({ tenant: 'other', connectionId: 'con_other' });
    await events.harness.publish({ tenant: 'acme', connectionId: 'con_acme' });
    await events.harness.fanOut.run();
    await events.rows(
      `INSERT INTO delivery (id, subscription_id, event_id, event_position, ordering_key, status, retry_until, created_at)
      SELECT 'dlv_forged', $1, id, position, connection_id, 'pending', created_at + interval '3 days', created_at
      FROM event WHERE tenant = 'other'`,
      id,
    );
    await events.rows(
      `INSERT INTO delivery_queue (subscription_id, ordering_key, due_at) VALUES ($1, 'con_other', $2)`,
      id,
      clock.now(),
    );
    await deliver();
    expect(events.receiver.received).toHaveLength(1);
    expect(await events.rows("SELECT status, last_error FROM delivery WHERE id = 'dlv_forged'")).toEqual([
      { status: 'dead', last_error: 'not_subscribed' },
    ]);
  });
});
