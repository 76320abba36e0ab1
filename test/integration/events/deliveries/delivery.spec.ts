import type { ServerResponse } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import type { Database } from '../../../../src/database/database.ts';
import { MAX_CONCURRENT_QUEUES } from '../../../../src/events/dispatch/subscriber-concurrency.ts';
import { createEventsHarness } from '../../../support/events-harness.ts';
import { numbersOf, publishInOrder, useEvents } from '../../../support/events-test-context.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { openTestVault } from '../../../support/test-vault.ts';

const CLAIM_SECONDS = 30;
const clock = new FakeClock();
const events = useEvents(clock, { CLAIM_SECONDS: String(CLAIM_SECONDS) });

describe('order', () => {
  it('is kept per connection, with two replicas at work and failures in between', async () => {
    await events.harness.subscribe({ url: events.receiver.url });
    const connections = ['con_1', 'con_2', 'con_3'];
    for (const connection of connections) await publishInOrder(events.harness, connection, 25);
    let calls = 0;
    events.receiver.respondWith((_, response) => response.writeHead(++calls % 7 === 0 ? 503 : 200).end());
    for (let round = 0; round === 0 || (round < 40 && (await events.statuses()).includes('pending')); round++) {
      await Promise.all([events.harness.deliverAll(), events.other.deliverAll()]);
      clock.advance(60);
    }
    for (const connection of connections) {
      const firsts = [...new Set(numbersOf(events.receiver, connection))];
      expect(firsts).toEqual(Array.from({ length: 25 }, (_, n) => n));
    }
    expect(await events.rows('SELECT 1 FROM delivery_queue')).toEqual([]);
  });

  it('holds up a connection behind its failing event, but no other connection', async () => {
    await events.harness.subscribe({ url: events.receiver.url });
    events.receiver.respondWith(({ message }, response) =>
      response.writeHead(message.data['connection'] === 'bad' ? 500 : 200).end(),
    );
    await publishInOrder(events.harness, 'bad', 2);
    await publishInOrder(events.harness, 'good', 2);
    await events.harness.deliverAll();
    expect(numbersOf(events.receiver, 'good')).toEqual([0, 1]);
    expect(numbersOf(events.receiver, 'bad')).toEqual([0]);
    clock.advance(5);
    await events.harness.deliverAll();
    expect(numbersOf(events.receiver, 'bad')).toEqual([0, 0]);
  });

  it('follows commits: an event whose transaction ends late is not skipped', async () => {
    await events.harness.subscribe({ url: events.receiver.url });
    await events.database.transaction(async (tx) => {
      await events.harness.outbox.add(tx, {
        type: 'connection.refreshed',
        tenant: null,
        product: null,
        connectionId: 'con_slow',
        data: {},
      });
      await events.harness.publish({ connectionId: 'con_fast', data: { connection: 'fast', n: 0 } });
      await events.harness.deliverAll();
      expect(events.receiver.received).toHaveLength(1);
    });
    await events.harness.deliverAll();
    expect(events.receiver.received).toHaveLength(2);
  });

  it('is kept for events written together', async () => {
    await events.harness.subscribe({ url: events.receiver.url });
    const event = { type: 'connection.refreshed', tenant: null, product: null, connectionId: 'con_1' } as const;
    await events.harness.outbox.addAll(
      events.database,
      Array.from({ length: 60 }, (_, n) => ({ ...event, data: { connection: 'con_1', n } })),
    );
    await events.harness.outbox.addAll(events.database, []);
    await events.harness.deliverAll();
    expect(numbersOf(events.receiver, 'con_1')).toEqual(Array.from({ length: 60 }, (_, n) => n));
  });
});

describe('claims', () => {
  it('keep two replicas from delivering the same event', async () => {
    await events.harness.subscribe({ url: events.receiver.url });
    for (let i = 0; i < 40; i++) await events.harness.publish({ connectionId: `con_${i}` });
    await Promise.all([events.harness.deliverAll(), events.other.deliverAll()]);
    expect(events.receiver.received).toHaveLength(40);
    expect(new Set(events.receiver.received.map(({ id }) => id)).size).toBe(40);
  });

  it('expire: an unrecorded delivery is repeated under the same id, and the late record of the first replica is ignored', async () => {
    await events.harness.subscribe({ url: events.receiver.url });
    await events.harness.publish();
    await events.harness.fanOut.run();
    const [queue] = await events.harness.claims.claim(1, new Map());
    const [deliverAll] = await events.harness.claims.load(queue === undefined ? [] : [queue]);
    expect(deliverAll?.deliveries).toHaveLength(1);
    await events.other.deliverAll();
    expect(events.receiver.received).toEqual([]);
    clock.advance(CLAIM_SECONDS - 1);
    await events.harness.claims.extend(queue === undefined ? [] : [queue]);
    clock.advance(2);
    await events.other.deliverAll();
    expect(events.receiver.received).toEqual([]);
    clock.advance(CLAIM_SECONDS);
    await events.other.deliverAll();
    expect(events.receiver.received.map(({ id }) => id)).toEqual([deliverAll?.deliveries[0]?.eventId]);
    const recorded = await events.harness.records.record({
      queue: queue ?? { subscriptionId: 'sub_', orderingKey: '', claimId: 'clm_', revision: 0 },
      deliveryId: deliverAll?.deliveries[0]?.id ?? 'dlv_',
      attempt: { status: 500, error: 'http_status', retryAfterSeconds: null },
      verdict: { kind: 'dead' },
      shouldKeepClaim: false,
    });
    expect(recorded).toBe(false);
    expect(await events.statuses()).toEqual(['delivered']);
  });

  it('are released by a replica that shuts down and aborts its requests', async () => {
    await events.harness.subscribe({ url: events.receiver.url });
    const hanging: ServerResponse[] = [];
    events.receiver.respondWith((_, response) => hanging.push(response));
    await events.harness.publish();
    await events.harness.dispatcher.poll();
    await events.receiver.waitFor(1);
    const stopped = events.harness.dispatcher.onApplicationShutdown();
    events.harness.timers.advance(5_000);
    await stopped;
    expect(await events.statuses()).toEqual(['pending']);
    events.receiver.respondWith(200);
    await events.other.deliverAll();
    expect(events.receiver.received).toHaveLength(2);
    expect(await events.rows('SELECT attempts FROM delivery')).toEqual([{ attempts: 1 }]);
  });

  it('are kept for five seconds by a replica that shuts down, for responses under way', async () => {
    await events.harness.subscribe({ url: events.receiver.url });
    const open: ServerResponse[] = [];
    events.receiver.respondWith((_, response) => open.push(response));
    await events.harness.publish();
    await events.harness.dispatcher.poll();
    await events.receiver.waitFor(1);
    const stopped = events.harness.dispatcher.onApplicationShutdown();
    events.harness.timers.advance(4_999);
    open[0]?.writeHead(200).end();
    await stopped;
    expect(await events.statuses()).toEqual(['delivered']);
  });
});

describe('a subscriber that hangs', () => {
  it('holds up no other and costs one open request', async () => {
    const hanging = await events.anotherReceiver(() => undefined);
    await events.harness.subscribe({ url: hanging.url });
    await events.harness.subscribe({ url: events.receiver.url });
    for (let i = 0; i < 100; i++) await events.harness.publish({ connectionId: `con_${i}` });
    events.harness.dispatcher.onApplicationBootstrap();
    await events.receiver.waitFor(100, 20_000);
    await hanging.waitFor(MAX_CONCURRENT_QUEUES);
    events.harness.timers.advance(9_999);
    await events.harness.publish({ connectionId: 'con_next' });
    await events.receiver.waitFor(101);
    expect(hanging.received).toHaveLength(MAX_CONCURRENT_QUEUES);
    // After their ten seconds, the next ones come one at a time.
    for (let more = 1; more <= 2; more++) {
      events.harness.timers.advance(10_000);
      await hanging.waitFor(MAX_CONCURRENT_QUEUES + more);
      await events.harness.publish({ connectionId: `con_last_${more}` });
      await events.receiver.waitFor(101 + more);
      expect(hanging.received).toHaveLength(MAX_CONCURRENT_QUEUES + more);
    }
  });
});

/** A database that counts its statements. */
function counting(database: Database): { database: Database; asked: () => number } {
  let asked = 0;
  const counted = new Proxy(database, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return (...given: unknown[]): unknown => {
        asked++;
        return Reflect.apply(value, target, given);
      };
    },
  });
  return { database: counted, asked: () => asked };
}

describe('the cost of a hanging subscriber', () => {
  it('is no statement or claim beyond the two statements of an idle poll, no matter how much is queued', async () => {
    const { database, asked } = counting(events.database);
    const own = createEventsHarness(database, clock, events.config, await openTestVault(events.database, clock));
    const hanging = await events.anotherReceiver(() => undefined);
    await own.subscribe({ url: hanging.url });
    for (let i = 0; i < 60; i++) await own.publish({ connectionId: `con_${i}` });
    expect(await own.dispatcher.poll()).toBe(true);
    await hanging.waitFor(MAX_CONCURRENT_QUEUES);
    const before = asked();
    // Nothing found: the dispatcher would pause half a second after each poll.
    for (let looks = 0; looks < 5; looks++) expect(await own.dispatcher.poll()).toBe(false);
    expect(asked() - before).toBe(5 * 2);
    expect(hanging.received).toHaveLength(MAX_CONCURRENT_QUEUES);
    expect(await events.rows('SELECT 1 FROM delivery_queue WHERE claim_id IS NOT NULL')).toHaveLength(
      MAX_CONCURRENT_QUEUES,
    );
    await own.close();
  });
});

describe('a long body and a slow one', () => {
  it('are no failures once the status has arrived', async () => {
    const impatient = await events.anotherHarness({ bodyTimeoutMs: 100 });
    await impatient.subscribe({ url: events.receiver.url });
    events.receiver.respondWith((_, response) => response.writeHead(200).end('x'.repeat(1_000_000)));
    await impatient.publish();
    await impatient.deliverAll();
    expect(await events.statuses()).toEqual(['delivered']);
    // The end of a stalled body is not awaited.
    events.receiver.respondWith((_, response) => {
      response.writeHead(200).write('x');
    });
    await impatient.publish();
    await impatient.deliverAll();
    expect(await events.statuses()).toEqual(['delivered', 'delivered']);
    expect(events.receiver.received).toHaveLength(2);
  });
});

it('writes no delivery for an event without subscribers, and dispatches each event once', async () => {
  await events.harness.publish();
  await events.harness.deliverAll();
  await events.harness.subscribe({ url: events.receiver.url });
  await events.harness.deliverAll();
  expect(await events.statuses()).toEqual([]);
  expect(await events.harness.backlog.count()).toEqual({ undispatched: 0, pending: 0, dead: 0, refused: 0 });
});
