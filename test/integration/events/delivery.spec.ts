import type { ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Database } from '../../../src/database/database.ts';
import { MOST_LANES } from '../../../src/events/subscriber-pace.ts';
import { type EventsRoom, eventsRoom } from '../../support/events.ts';
import {
  type EventsScene,
  type EventsStage,
  eventsStage,
  happenInOrder,
  numbersOf,
} from '../../support/events-stage.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import type { Receiver } from '../../support/receiver.ts';
import { openTestVault } from '../../support/vault.ts';

const CLAIM_SECONDS = 30;
const clock = new FakeClock();
let stage: EventsStage;
let scene: EventsScene;
let room: EventsRoom;
let other: EventsRoom;
let receiver: Receiver;

beforeAll(async () => {
  stage = await eventsStage(clock, { CLAIM_SECONDS: String(CLAIM_SECONDS) });
});
afterAll(() => stage?.close());
beforeEach(async () => {
  scene = await stage.begin();
  ({ room, other, receiver } = scene);
});
afterEach(() => scene?.close());

describe('order', () => {
  it('holds for each connection, over two replicas at work and failures in between', async () => {
    await room.subscribe({ url: receiver.url });
    const connections = ['con_1', 'con_2', 'con_3'];
    for (const connection of connections) await happenInOrder(room, connection, 25);
    let calls = 0;
    receiver.behave((_, answer) => answer.writeHead(++calls % 7 === 0 ? 503 : 200).end());
    for (let turn = 0; turn === 0 || (turn < 40 && (await stage.statuses()).includes('pending')); turn++) {
      await Promise.all([room.work(), other.work()]);
      clock.advance(60);
    }
    for (const connection of connections) {
      const firsts = [...new Set(numbersOf(receiver, connection))];
      expect(firsts).toEqual(Array.from({ length: 25 }, (_, n) => n));
    }
    expect(await stage.rows('SELECT 1 FROM delivery_lane')).toEqual([]);
  });

  it('holds a connection behind its failing event, and no other connection', async () => {
    await room.subscribe({ url: receiver.url });
    receiver.behave(({ message }, answer) => answer.writeHead(message.data['connection'] === 'bad' ? 500 : 200).end());
    await happenInOrder(room, 'bad', 2);
    await happenInOrder(room, 'good', 2);
    await room.work();
    expect(numbersOf(receiver, 'good')).toEqual([0, 1]);
    expect(numbersOf(receiver, 'bad')).toEqual([0]);
    clock.advance(5);
    await room.work();
    expect(numbersOf(receiver, 'bad')).toEqual([0, 0]);
  });

  it('goes by commit: an event whose transaction ends late is not passed over', async () => {
    await room.subscribe({ url: receiver.url });
    await stage.database.transaction(async (tx) => {
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
      stage.database,
      Array.from({ length: 60 }, (_, n) => ({ ...event, data: { connection: 'con_1', n } })),
    );
    await room.outbox.addAll(stage.database, []);
    await room.work();
    expect(numbersOf(receiver, 'con_1')).toEqual(Array.from({ length: 60 }, (_, n) => n));
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
    expect(await stage.statuses()).toEqual(['delivered']);
  });

  it('are given up by a replica that shuts down, its requests cut off', async () => {
    await room.subscribe({ url: receiver.url });
    const hanging: ServerResponse[] = [];
    receiver.behave((_, answer) => hanging.push(answer));
    await room.happen();
    await room.dispatcher.look();
    await receiver.waitFor(1);
    await room.close();
    expect(await stage.statuses()).toEqual(['pending']);
    receiver.behave(200);
    await other.work();
    expect(receiver.received).toHaveLength(2);
    expect(await stage.rows('SELECT attempts FROM delivery')).toEqual([{ attempts: 1 }]);
  }, 20_000);
});

describe('a subscriber that hangs', () => {
  it('holds up nobody else, and costs one open request', async () => {
    const hanging = await scene.anotherReceiver(() => undefined);
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
    const { database, asked } = counting(stage.database);
    const own = eventsRoom(database, clock, stage.config, await openTestVault(stage.database, clock));
    const hanging = await scene.anotherReceiver(() => undefined);
    await own.subscribe({ url: hanging.url });
    for (let i = 0; i < 60; i++) await own.happen({ connectionId: `con_${i}` });
    expect(await own.dispatcher.look()).toBe(true);
    await hanging.waitFor(MOST_LANES);
    const before = asked();
    // Nothing found: the dispatcher would rest for half a second after each.
    for (let looks = 0; looks < 5; looks++) expect(await own.dispatcher.look()).toBe(false);
    expect(asked() - before).toBe(5 * 2);
    expect(hanging.received).toHaveLength(MOST_LANES);
    expect(await stage.rows('SELECT 1 FROM delivery_lane WHERE claim_id IS NOT NULL')).toHaveLength(MOST_LANES);
    await own.close();
  }, 30_000);
});

describe('a long body and a slow one', () => {
  it('are no failures once the status has come', async () => {
    await room.subscribe({ url: receiver.url });
    receiver.behave((_, answer) => answer.writeHead(200).end('x'.repeat(1_000_000)));
    await room.happen();
    await room.work();
    expect(await stage.statuses()).toEqual(['delivered']);
    // A body that never ends is not waited for longer than a request may take.
    receiver.behave((_, answer) => {
      answer.writeHead(200).write('x');
    });
    await room.happen();
    await room.work();
    expect(await stage.statuses()).toEqual(['delivered', 'delivered']);
    expect(receiver.received).toHaveLength(2);
  }, 30_000);
});

it('writes no delivery for what nobody wants, and looks at no event twice', async () => {
  await room.happen();
  await room.work();
  await room.subscribe({ url: receiver.url });
  await room.work();
  expect(await stage.statuses()).toEqual([]);
  expect(await room.backlog.count()).toEqual({ undispatched: 0, pending: 0, dead: 0, refused: 0 });
});
