import type { ServerResponse } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { WITHOUT_SCOPE } from '../../../support/events-harness.ts';
import { useEvents } from '../../../support/events-test-context.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import type { Receiver } from '../../../support/webhook-receiver.ts';

const clock = new FakeClock();
const events = useEvents(clock);

const tenantsAt = (of: Receiver) => of.received.map(({ message }) => message.data['tenant']);
const publishTo = (tenant: string | null, connectionId: `con_${string}`) =>
  events.harness.publish({ tenant, connectionId, data: { tenant } });
const pending = async (): Promise<number> =>
  (await events.rows(`SELECT 1 FROM delivery WHERE status = 'pending'`)).length;

describe('a narrower filter', () => {
  it('drops pending deliveries that no longer match, and keeps the rest in order', async () => {
    const id = await events.harness.subscribe({ url: events.receiver.url });
    await events.harness.store.pause(WITHOUT_SCOPE, id);
    for (const tenant of ['acme', 'rival', null]) await publishTo(tenant, `con_${tenant}`);
    await events.harness.publish({
      type: 'connection.refreshed',
      tenant: 'acme',
      connectionId: 'con_rival',
      data: { tenant: 'x' },
    });
    await events.harness.deliverAll();
    expect(await pending()).toBe(4);
    await events.harness.changes.change(WITHOUT_SCOPE, id, { tenants: ['acme'] });
    expect(await pending()).toBe(2);
    expect(await events.rows('SELECT 1 FROM delivery_queue')).toHaveLength(2);
    await events.harness.store.resume(WITHOUT_SCOPE, id);
    await events.harness.deliverAll();
    expect(tenantsAt(events.receiver).sort()).toEqual(['acme', 'x']);
    expect(await events.rows('SELECT 1 FROM delivery_queue')).toEqual([]);
  });

  it('cannot be undone by a replay', async () => {
    const id = await events.harness.subscribe({ url: events.receiver.url });
    const from = clock.now();
    await publishTo('rival', 'con_1');
    await events.harness.deliverAll();
    clock.advance(60);
    const [delivery] = await events.harness.deliveries.list(id, WITHOUT_SCOPE.scope, {
      status: null,
      limit: 1,
      before: null,
    });
    await events.harness.changes.change(WITHOUT_SCOPE, id, { tenants: ['acme'] });
    const range = { from, to: clock.now(), statuses: ['delivered'] as const };
    expect(await events.harness.deliveries.replayRange(WITHOUT_SCOPE, id, range)).toBe(0);
    await expect(events.harness.deliveries.replay(WITHOUT_SCOPE, delivery?.id ?? '')).rejects.toThrow(
      'delivery_unwanted',
    );
    await events.harness.changes.change(WITHOUT_SCOPE, id, { tenants: null });
    await events.harness.deliveries.replay(WITHOUT_SCOPE, delivery?.id ?? '');
    await events.harness.deliverAll();
    expect(events.receiver.received).toHaveLength(2);
  });

  it('stops work under way after its current request', async () => {
    const id = await events.harness.subscribe({ url: events.receiver.url });
    const hanging: ServerResponse[] = [];
    events.receiver.respondWith((_, response) => hanging.push(response));
    for (let n = 0; n < 3; n++) await publishTo('rival', 'con_1');
    await events.harness.dispatcher.poll();
    await events.receiver.waitFor(1);
    await events.harness.changes.change(WITHOUT_SCOPE, id, { tenants: ['acme'] });
    events.receiver.respondWith(200);
    hanging[0]?.writeHead(200).end();
    await events.harness.dispatcher.drained();
    await events.harness.deliverAll();
    expect(events.receiver.received).toHaveLength(1);
    expect(await events.rows('SELECT 1 FROM delivery_queue')).toEqual([]);
  });

  it('waits for a dispatch under way, which would use the wider one', async () => {
    const id = await events.harness.subscribe({ url: events.receiver.url });
    await publishTo('rival', 'con_1');
    let change: Promise<unknown> = Promise.resolve();
    await events.database.transaction(async (tx) => {
      await tx.run({ text: 'SELECT pg_advisory_xact_lock($1)', values: [727_005] });
      change = events.harness.changes.change(WITHOUT_SCOPE, id, { tenants: ['acme'] });
      // It can't finish before this transaction ends; until then, a poll dispatches nothing.
      expect(await events.harness.fanOut.run()).toBe(0);
    });
    await change;
    await events.harness.deliverAll();
    expect(events.receiver.received).toEqual([]);
  });
});

describe('a new address', () => {
  it('gets pending deliveries at once and clears the failures and delay of the old one', async () => {
    const moved = await events.anotherReceiver();
    const id = await events.harness.subscribe({ url: events.receiver.url });
    events.receiver.respondWith((_, response) => response.writeHead(503, { 'retry-after': '3600' }).end());
    await publishTo('acme', 'con_1');
    await events.harness.deliverAll();
    clock.advance(30);
    await events.harness.deliverAll();
    expect([events.receiver.received.length, moved.received.length]).toEqual([1, 0]);
    const changed = await events.harness.changes.change(WITHOUT_SCOPE, id, { url: moved.url });
    expect(changed).toMatchObject({ url: moved.url, resume_at: null, failing_since: null, status: 'active' });
    await events.harness.deliverAll();
    expect(moved.received.map((each) => each.id)).toEqual(events.receiver.received.map((each) => each.id));
    const [entry] = await events.rows<{ details: string }>(
      `SELECT details::text AS details FROM audit_entry WHERE action = 'subscription.changed' AND subject_id = $1`,
      id,
    );
    expect(JSON.parse(entry?.details ?? '')).toEqual({
      changes: { host: { from: new URL(events.receiver.url).host, to: new URL(moved.url).host } },
    });
  });

  it('equal to the old one changes nothing and is not audited', async () => {
    const id = await events.harness.subscribe({ url: events.receiver.url, tenants: ['acme'] });
    await events.harness.changes.change(WITHOUT_SCOPE, id, { url: events.receiver.url, tenants: ['acme'] });
    await events.harness.changes.change(WITHOUT_SCOPE, id, {});
    expect(await events.rows(`SELECT 1 FROM audit_entry WHERE action = 'subscription.changed'`)).toEqual([]);
  });
});

describe('a pause', () => {
  it('lets the request under way finish and sends nothing more', async () => {
    const id = await events.harness.subscribe({ url: events.receiver.url });
    const hanging: ServerResponse[] = [];
    events.receiver.respondWith((_, response) => hanging.push(response));
    for (let n = 0; n < 3; n++) await publishTo('acme', 'con_1');
    await events.harness.dispatcher.poll();
    await events.receiver.waitFor(1);
    await events.harness.store.pause(WITHOUT_SCOPE, id);
    events.receiver.respondWith(200);
    hanging[0]?.writeHead(200).end();
    await events.harness.dispatcher.drained();
    await events.harness.deliverAll();
    expect(events.receiver.received).toHaveLength(1);
    await events.harness.store.resume(WITHOUT_SCOPE, id);
    await events.harness.deliverAll();
    expect(new Set(events.receiver.received.map((each) => each.id)).size).toBe(3);
  });
});

describe('a new subscription', () => {
  it('gets all events committed after it was created, even from transactions begun before', async () => {
    await events.database.transaction(async (tx) => {
      const event = { type: 'connection.refreshed', product: 'pages', connectionId: 'con_1', data: {} } as const;
      await events.harness.outbox.addAll(tx, [{ ...event, tenant: 'acme' }]);
      clock.advance(1);
      await events.harness.subscribe({ url: events.receiver.url });
    });
    await events.harness.deliverAll();
    expect(events.receiver.received).toHaveLength(1);
  });

  it('may get an event not yet dispatched when it was created, but none that was', async () => {
    await publishTo('acme', 'con_1');
    await events.harness.deliverAll();
    await publishTo('acme', 'con_2');
    await events.harness.subscribe({ url: events.receiver.url });
    await events.harness.deliverAll();
    expect(events.receiver.received).toHaveLength(1);
  });
});
