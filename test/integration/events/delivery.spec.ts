import type { ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Database } from '../../../src/database/database.ts';
import { MOST_LANES } from '../../../src/events/subscriber-pace.ts';
import { checkEventSubscriptions } from '../../../src/operations/doctor/event-checks.ts';
import { testConfig } from '../../support/config.ts';
import { type OpenDatabase, openFreshDatabase } from '../../support/database.ts';
import { type EventsRoom, eventsRoom, WITHOUT_SCOPE } from '../../support/events.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { type Receiver, startReceiver } from '../../support/receiver.ts';
import { openTestVault } from '../../support/vault.ts';

const CLAIM_SECONDS = 30;
const DAY = 86_400;
const clock = new FakeClock();
let open: OpenDatabase;
let room: EventsRoom;
let other: EventsRoom;
let receiver: Receiver;

beforeAll(async () => {
  open = await openFreshDatabase();
});
afterAll(() => open.close());
beforeEach(async () => {
  await open.database.run({
    text: 'TRUNCATE event, delivery, delivery_lane, subscription, subscription_secret, audit_entry',
  });
  const config = testConfig({ CLAIM_SECONDS: String(CLAIM_SECONDS) });
  const vault = await openTestVault(open.database, clock);
  [room, other] = [eventsRoom(open.database, clock, config, vault), eventsRoom(open.database, clock, config, vault)];
  receiver = await startReceiver();
});
afterEach(async () => {
  await receiver.close();
  await Promise.all([room.close(), other.close()]);
});

const rows = <R extends object>(text: string, ...values: unknown[]) => open.database.rows<R>({ text, values });
const numbers = (of: Receiver, connection: string) =>
  of.received
    .filter(({ message }) => message.data['connection'] === connection)
    .map(({ message }) => message.data['n']);
const statuses = async (): Promise<string[]> =>
  (await rows<{ status: string }>('SELECT status FROM delivery ORDER BY event_position, id')).map(
    ({ status }) => status,
  );

/** Events 0 to `count` - 1 of one connection. */
async function happenInOrder(connection: string, count: number): Promise<void> {
  for (let n = 0; n < count; n++) await room.happen({ connectionId: connection, data: { connection, n } });
}

describe('order', () => {
  it('holds for each connection, over two replicas at work and failures in between', async () => {
    await room.subscribe({ url: receiver.url });
    const connections = ['con_1', 'con_2', 'con_3'];
    for (const connection of connections) await happenInOrder(connection, 25);
    let calls = 0;
    receiver.behave((_, answer) => answer.writeHead(++calls % 7 === 0 ? 503 : 200).end());
    for (let turn = 0; turn === 0 || (turn < 40 && (await statuses()).includes('pending')); turn++) {
      await Promise.all([room.work(), other.work()]);
      clock.advance(60);
    }
    for (const connection of connections) {
      const firsts = [...new Set(numbers(receiver, connection))];
      expect(firsts).toEqual(Array.from({ length: 25 }, (_, n) => n));
    }
    expect(await rows('SELECT 1 FROM delivery_lane')).toEqual([]);
  });

  it('holds a connection behind its failing event, and no other connection', async () => {
    await room.subscribe({ url: receiver.url });
    receiver.behave(({ message }, answer) => answer.writeHead(message.data['connection'] === 'bad' ? 500 : 200).end());
    await happenInOrder('bad', 2);
    await happenInOrder('good', 2);
    await room.work();
    expect(numbers(receiver, 'good')).toEqual([0, 1]);
    expect(numbers(receiver, 'bad')).toEqual([0]);
    clock.advance(5);
    await room.work();
    expect(numbers(receiver, 'bad')).toEqual([0, 0]);
  });

  it('goes by commit: an event whose transaction ends late is not passed over', async () => {
    await room.subscribe({ url: receiver.url });
    await open.database.transaction(async (tx) => {
      await room.outbox.add(tx, {
        type: 'connection.refreshed',
        tenant: null,
        product: null,
        connectionId: 'slow',
        data: {},
      });
      await room.happen({ connectionId: 'fast', data: { connection: 'fast', n: 0 } });
      await room.work();
      expect(receiver.received).toHaveLength(1);
    });
    await room.work();
    expect(receiver.received).toHaveLength(2);
  });

  it('is kept by events that are written together', async () => {
    await room.subscribe({ url: receiver.url });
    const event = { type: 'connection.refreshed', tenant: null, product: null, connectionId: 'con_1' } as const;
    await room.outbox.addAll(
      open.database,
      Array.from({ length: 60 }, (_, n) => ({ ...event, data: { connection: 'con_1', n } })),
    );
    await room.outbox.addAll(open.database, []);
    await room.work();
    expect(numbers(receiver, 'con_1')).toEqual(Array.from({ length: 60 }, (_, n) => n));
  });
});

describe('claims', () => {
  it('keep two replicas from delivering the same', async () => {
    await room.subscribe({ url: receiver.url });
    for (let i = 0; i < 40; i++) await room.happen({ connectionId: `con_${i}` });
    await Promise.all([room.work(), other.work()]);
    expect(receiver.received).toHaveLength(40);
    expect(new Set(receiver.received.map(({ id }) => id)).size).toBe(40);
  });

  it('run out: what a replica delivered and could not record is delivered again under the same id, and its late record counts for nothing', async () => {
    await room.subscribe({ url: receiver.url });
    await room.happen();
    await room.fanOut.run();
    const [lane] = await room.claims.claim(1, new Map());
    const [work] = await room.claims.load(lane === undefined ? [] : [lane]);
    expect(work?.deliveries).toHaveLength(1);
    await other.work();
    expect(receiver.received).toEqual([]);
    clock.advance(CLAIM_SECONDS - 1);
    await room.claims.extend(lane === undefined ? [] : [lane]);
    clock.advance(2);
    await other.work();
    expect(receiver.received).toEqual([]);
    clock.advance(CLAIM_SECONDS);
    await other.work();
    expect(receiver.received.map(({ id }) => id)).toEqual([work?.deliveries[0]?.eventId]);
    const recorded = await room.records.record({
      lane: lane ?? { subscriptionId: '', lane: '', claimId: '', revision: 0 },
      deliveryId: work?.deliveries[0]?.id ?? '',
      attempt: { status: 500, error: 'http_status', retryAfterSeconds: null },
      verdict: { kind: 'dead' },
      keepLane: false,
    });
    expect(recorded).toBe(false);
    expect(await statuses()).toEqual(['delivered']);
  });

  it('are given up by a replica that shuts down, its requests cut off', async () => {
    await room.subscribe({ url: receiver.url });
    const hanging: ServerResponse[] = [];
    receiver.behave((_, answer) => hanging.push(answer));
    await room.happen();
    await room.dispatcher.look();
    await receiver.waitFor(1);
    await room.close();
    expect(await statuses()).toEqual(['pending']);
    receiver.behave(200);
    await other.work();
    expect(receiver.received).toHaveLength(2);
    expect(await rows('SELECT attempts FROM delivery')).toEqual([{ attempts: 1 }]);
  }, 20_000);
});

describe('a subscriber that hangs', () => {
  it('holds up nobody else, and costs one open request', async () => {
    const hanging = await startReceiver(() => undefined);
    await room.subscribe({ url: hanging.url });
    await room.subscribe({ url: receiver.url });
    for (let i = 0; i < 100; i++) await room.happen({ connectionId: `con_${i}` });
    room.dispatcher.onApplicationBootstrap();
    await receiver.waitFor(100, 8_000);
    expect(hanging.received.length).toBeLessThanOrEqual(16);
    // After their ten seconds the next ones come one at a time.
    await hanging.waitFor(17, 14_000);
    const before = hanging.received.length;
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(hanging.received.length).toBeLessThanOrEqual(before + 1);
    await room.happen({ connectionId: 'con_last' });
    await receiver.waitFor(101, 2_000);
    await hanging.close();
  }, 40_000);
});

/** A database that counts what is asked of it. */
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

describe('what a hanging subscriber costs', () => {
  it('is no statement and no claim more than the two statements of an idle look, however much waits for it', async () => {
    const { database, asked } = counting(open.database);
    const config = testConfig({ CLAIM_SECONDS: String(CLAIM_SECONDS) });
    const own = eventsRoom(database, clock, config, await openTestVault(open.database, clock));
    const hanging = await startReceiver(() => undefined);
    await own.subscribe({ url: hanging.url });
    for (let i = 0; i < 60; i++) await own.happen({ connectionId: `con_${i}` });
    expect(await own.dispatcher.look()).toBe(true);
    await hanging.waitFor(MOST_LANES);
    const before = asked();
    // Nothing found: the dispatcher would rest for half a second after each.
    for (let looks = 0; looks < 5; looks++) expect(await own.dispatcher.look()).toBe(false);
    expect(asked() - before).toBe(5 * 2);
    expect(hanging.received).toHaveLength(MOST_LANES);
    expect(await rows('SELECT 1 FROM delivery_lane WHERE claim_id IS NOT NULL')).toHaveLength(MOST_LANES);
    await hanging.close();
    await own.close();
  }, 30_000);
});

describe('failures', () => {
  it('end after three days as a dead letter, told of after one', async () => {
    const id = await room.subscribe({ url: receiver.url });
    receiver.behave(500);
    await room.happen();
    await room.happen();
    let noticed = 0;
    for (let hours = 0; hours <= 72; hours += 3) {
      await room.work();
      noticed += await room.upkeep.noticeFailing();
      if (hours === 12) expect([noticed, await room.backlog.failingForADay()]).toEqual([0, []]);
      clock.advance(3 * 3600);
    }
    expect(noticed).toBe(1);
    expect(await room.backlog.failingForADay()).toMatchObject([{ id, host: new URL(receiver.url).host }]);
    expect(room.log.text()).toContain(id);
    await room.work();
    expect(await statuses()).toEqual(['dead', 'dead']);
    expect(await rows('SELECT 1 FROM delivery_lane')).toEqual([]);
    const attempts = await rows<{ attempts: number }>('SELECT attempts FROM delivery ORDER BY event_position');
    expect(attempts[0]?.attempts).toBeGreaterThan(10);
    // It never came to the second one before: it still had an attempt of its own.
    expect(attempts[1]?.attempts).toBe(1);
    receiver.behave(200);
    await room.happen();
    await room.work();
    expect(await room.backlog.failingForADay()).toEqual([]);
    const [entry] = await rows<{ action: string }>(
      `SELECT action FROM audit_entry WHERE subject_id = $1 AND action LIKE '%failing'`,
      id,
    );
    expect(entry).toEqual({ action: 'subscription.failing' });
  });

  it('of a single event, while others are taken, show as what they hold up', async () => {
    const id = await room.subscribe({ url: receiver.url });
    receiver.behave(({ message }, answer) => answer.writeHead(message.data['connection'] === 'bad' ? 500 : 200).end());
    const startedAt = clock.now();
    await happenInOrder('bad', 3);
    for (let minutes = 0; minutes <= 60; minutes += 10) {
      if (minutes > 0) clock.advance(600);
      await happenInOrder(`good-${minutes}`, 1);
      await room.work();
      if (minutes < 60) expect(await room.backlog.held()).toEqual([]);
    }
    const [first] = receiver.received.filter(({ message }) => message.data['connection'] === 'bad');
    const host = new URL(receiver.url).host;
    expect(await room.backlog.held()).toEqual([{ id, host, connections: 1, eventId: first?.id, since: startedAt }]);
    expect(await room.backlog.count()).toEqual({ undispatched: 0, pending: 3, dead: 0, refused: 1 });
    const finding = await checkEventSubscriptions({ database: open.database, clock });
    expect(finding).toMatchObject({ state: 'attention', detail: expect.stringContaining(first?.id ?? 'none') });
    // One that takes nothing at all is the matter of `failingForADay`.
    clock.advance(3601);
    expect(await room.backlog.held()).toEqual([]);
  });

  it('of a connection refused, a reset and an address that is not allowed are repeated', async () => {
    await receiver.close();
    const id = await room.subscribe({ url: receiver.url });
    await room.subscribe({ url: 'https://10.0.0.1/' });
    await room.happen();
    await room.work();
    const errors = await rows<{ last_error: string }>(
      'SELECT last_error, attempts FROM delivery ORDER BY subscription_id = $1 DESC',
      id,
    );
    expect(errors).toEqual([
      { last_error: 'connect', attempts: 1 },
      { last_error: 'address_refused', attempts: 1 },
    ]);
    receiver = await startReceiver((_, answer) => answer.destroy());
    const third = await room.subscribe({ url: receiver.url });
    await room.happen();
    await room.work();
    expect(await rows('SELECT last_error FROM delivery WHERE subscription_id = $1', third)).toEqual([
      { last_error: 'reset' },
    ]);
  });

  it('of one secret that does not open hold up nobody else', async () => {
    const broken = await room.subscribe({ url: receiver.url });
    await room.subscribe({ url: receiver.url });
    await rows(
      'UPDATE sealed_secret SET ciphertext = ciphertext || $2 WHERE id IN (SELECT secret_id FROM subscription_secret WHERE subscription_id = $1)',
      broken,
      Buffer.of(1),
    );
    await room.happen();
    await room.work();
    expect(receiver.received).toHaveLength(1);
    expect(await rows('SELECT last_error FROM delivery WHERE subscription_id = $1', broken)).toEqual([
      { last_error: 'secret_unavailable' },
    ]);
  });
});

describe('a long body and a slow one', () => {
  it('are no failures once the status has come', async () => {
    await room.subscribe({ url: receiver.url });
    receiver.behave((_, answer) => answer.writeHead(200).end('x'.repeat(1_000_000)));
    await room.happen();
    await room.work();
    expect(await statuses()).toEqual(['delivered']);
    // A body that never ends is not waited for longer than a request may take.
    receiver.behave((_, answer) => {
      answer.writeHead(200).write('x');
    });
    await room.happen();
    await room.work();
    expect(await statuses()).toEqual(['delivered', 'delivered']);
    expect(receiver.received).toHaveLength(2);
  }, 30_000);
});

describe('replay', () => {
  it('makes a span of time again, and nothing outside of it', async () => {
    const id = await room.subscribe({ url: receiver.url });
    const at: Date[] = [];
    for (let n = 0; n < 3; n++) {
      at.push(clock.now());
      await room.happen({ data: { connection: 'con_1', n } });
      await room.work();
      clock.advance(3600);
    }
    const range = { from: at[1] ?? clock.now(), to: at[2] ?? clock.now() };
    expect(await room.deliveries.replayRange(WITHOUT_SCOPE, id, { ...range, statuses: ['dead'] })).toBe(0);
    expect(await room.deliveries.replayRange(WITHOUT_SCOPE, id, { ...range, statuses: ['delivered'] })).toBe(1);
    await room.work();
    expect(numbers(receiver, 'con_1')).toEqual([0, 1, 2, 1]);
  });

  it('makes what waits for its next attempt due at once', async () => {
    const id = await room.subscribe({ url: receiver.url });
    receiver.behave(500);
    await room.happen();
    await room.work();
    receiver.behave(200);
    await room.work();
    expect(receiver.received).toHaveLength(1);
    const [delivery] = await room.deliveries.list(id, WITHOUT_SCOPE.scope, { status: null, limit: 1, before: null });
    await room.deliveries.replay(WITHOUT_SCOPE, delivery?.id ?? '');
    await room.work();
    expect(await statuses()).toEqual(['delivered']);
  });
});

describe('retention', () => {
  it('takes away what is over and old, and nothing that waits', async () => {
    const paused = await room.subscribe({ url: receiver.url });
    await room.subscribe({ url: receiver.url, events: ['connection.created'] });
    await room.store.pause(WITHOUT_SCOPE, paused);
    await room.happen({ type: 'connection.created' });
    await room.happen();
    await room.happen({ type: 'connection.revoked' });
    await room.work();
    expect(await room.upkeep.purge(30)).toBe(0);
    clock.advance(31 * DAY);
    await room.happen({ type: 'connection.created' });
    await room.work();
    expect(await room.upkeep.purge(30)).toBe(2);
    expect(await rows('SELECT type FROM event ORDER BY position')).toEqual([
      { type: 'connection.refreshed' },
      { type: 'connection.created' },
    ]);
    await room.store.resume(WITHOUT_SCOPE, paused);
    await room.work();
    expect(await statuses()).toEqual(['delivered', 'delivered']);
  });

  it('takes away what was on its way to a deleted subscription', async () => {
    const id = await room.subscribe({ url: receiver.url });
    await room.store.pause(WITHOUT_SCOPE, id);
    await room.happen();
    await room.work();
    await room.store.delete(WITHOUT_SCOPE, id);
    await room.upkeep.purge(30);
    expect(await statuses()).toEqual([]);
    await room.work();
    expect(receiver.received).toEqual([]);
  });

  it('destroys secrets that were replaced', async () => {
    const id = await room.subscribe({ url: receiver.url });
    await room.store.rotateSecret(WITHOUT_SCOPE, id, 60);
    clock.advance(61);
    await room.upkeep.purgeOld();
    expect(await rows('SELECT version FROM subscription_secret WHERE subscription_id = $1', id)).toEqual([
      { version: 2 },
    ]);
  });
});

it('writes no delivery for what nobody wants, and looks at no event twice', async () => {
  await room.happen();
  await room.work();
  await room.subscribe({ url: receiver.url });
  await room.work();
  expect(await statuses()).toEqual([]);
  expect(await room.backlog.count()).toEqual({ undispatched: 0, pending: 0, dead: 0, refused: 0 });
});
