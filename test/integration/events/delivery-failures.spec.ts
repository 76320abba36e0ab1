import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { checkEventSubscriptions } from '../../../src/operations/doctor/event-checks.ts';
import { type EventsRoom, WITHOUT_SCOPE } from '../../support/events.ts';
import {
  type EventsScene,
  type EventsStage,
  eventsStage,
  happenInOrder,
  numbersOf,
} from '../../support/events-stage.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import type { Receiver } from '../../support/receiver.ts';

const DAY = 86_400;
const clock = new FakeClock();
let stage: EventsStage;
let scene: EventsScene;
let room: EventsRoom;
let receiver: Receiver;

beforeAll(async () => {
  stage = await eventsStage(clock);
});
afterAll(() => stage?.close());
beforeEach(async () => {
  scene = await stage.begin();
  ({ room, receiver } = scene);
});
afterEach(() => scene?.close());

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
    expect(await stage.statuses()).toEqual(['dead', 'dead']);
    expect(await stage.rows('SELECT 1 FROM delivery_lane')).toEqual([]);
    const attempts = await stage.rows<{ attempts: number }>('SELECT attempts FROM delivery ORDER BY event_position');
    expect(attempts[0]?.attempts).toBeGreaterThan(10);
    // It never came to the second one before: it still had an attempt of its own.
    expect(attempts[1]?.attempts).toBe(1);
    receiver.behave(200);
    await room.happen();
    await room.work();
    expect(await room.backlog.failingForADay()).toEqual([]);
    const [entry] = await stage.rows<{ action: string }>(
      `SELECT action FROM audit_entry WHERE subject_id = $1 AND action LIKE '%failing'`,
      id,
    );
    expect(entry).toEqual({ action: 'subscription.failing' });
  });

  it('of a single event, while others are taken, show as what they hold up', async () => {
    const id = await room.subscribe({ url: receiver.url });
    receiver.behave(({ message }, answer) => answer.writeHead(message.data['connection'] === 'bad' ? 500 : 200).end());
    const startedAt = clock.now();
    await happenInOrder(room, 'bad', 3);
    for (let minutes = 0; minutes <= 60; minutes += 10) {
      if (minutes > 0) clock.advance(600);
      await happenInOrder(room, `good-${minutes}`, 1);
      await room.work();
      if (minutes < 60) expect(await room.backlog.held()).toEqual([]);
    }
    const [first] = receiver.received.filter(({ message }) => message.data['connection'] === 'bad');
    const host = new URL(receiver.url).host;
    expect(await room.backlog.held()).toEqual([{ id, host, connections: 1, eventId: first?.id, since: startedAt }]);
    expect(await room.backlog.count()).toEqual({ undispatched: 0, pending: 3, dead: 0, refused: 1 });
    const finding = await checkEventSubscriptions({ database: stage.database, clock });
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
    const errors = await stage.rows<{ last_error: string }>(
      'SELECT last_error, attempts FROM delivery ORDER BY subscription_id = $1 DESC',
      id,
    );
    expect(errors).toEqual([
      { last_error: 'connect', attempts: 1 },
      { last_error: 'address_refused', attempts: 1 },
    ]);
    receiver = await scene.anotherReceiver((_, answer) => answer.destroy());
    const third = await room.subscribe({ url: receiver.url });
    await room.happen();
    await room.work();
    expect(await stage.rows('SELECT last_error FROM delivery WHERE subscription_id = $1', third)).toEqual([
      { last_error: 'reset' },
    ]);
  });

  it('of one secret that does not open hold up nobody else', async () => {
    const broken = await room.subscribe({ url: receiver.url });
    await room.subscribe({ url: receiver.url });
    await stage.rows(
      'UPDATE sealed_secret SET ciphertext = ciphertext || $2 WHERE id IN (SELECT secret_id FROM subscription_secret WHERE subscription_id = $1)',
      broken,
      Buffer.of(1),
    );
    await room.happen();
    await room.work();
    expect(receiver.received).toHaveLength(1);
    expect(await stage.rows('SELECT last_error FROM delivery WHERE subscription_id = $1', broken)).toEqual([
      { last_error: 'secret_unavailable' },
    ]);
  });
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
    expect(numbersOf(receiver, 'con_1')).toEqual([0, 1, 2, 1]);
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
    expect(await stage.statuses()).toEqual(['delivered']);
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
    expect(await stage.rows('SELECT type FROM event ORDER BY position')).toEqual([
      { type: 'connection.refreshed' },
      { type: 'connection.created' },
    ]);
    await room.store.resume(WITHOUT_SCOPE, paused);
    await room.work();
    expect(await stage.statuses()).toEqual(['delivered', 'delivered']);
  });

  it('takes away what was on its way to a deleted subscription', async () => {
    const id = await room.subscribe({ url: receiver.url });
    await room.store.pause(WITHOUT_SCOPE, id);
    await room.happen();
    await room.work();
    await room.store.delete(WITHOUT_SCOPE, id);
    await room.upkeep.purge(30);
    expect(await stage.statuses()).toEqual([]);
    await room.work();
    expect(receiver.received).toEqual([]);
  });

  it('destroys secrets that were replaced', async () => {
    const id = await room.subscribe({ url: receiver.url });
    await room.store.rotateSecret(WITHOUT_SCOPE, id, 60);
    clock.advance(61);
    await room.upkeep.purgeOld();
    expect(await stage.rows('SELECT version FROM subscription_secret WHERE subscription_id = $1', id)).toEqual([
      { version: 2 },
    ]);
  });
});
