import { describe, expect, it } from '@jest/globals';
import { checkEventSubscriptions } from '../../../../src/operations/doctor/event-checks.ts';
import { WITHOUT_SCOPE } from '../../../support/events-harness.ts';
import { numbersOf, publishInOrder, useEvents } from '../../../support/events-test-context.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

const DAY = 86_400;
const clock = new FakeClock();
const events = useEvents(clock);

describe('failures', () => {
  it('end as a dead letter after three days, and are reported after one', async () => {
    const id = await events.harness.subscribe({ url: events.receiver.url });
    events.receiver.respondWith(500);
    await events.harness.publish();
    await events.harness.publish();
    let noticed = 0;
    for (let hours = 0; hours <= 72; hours += 3) {
      await events.harness.deliverAll();
      noticed += await events.harness.maintenance.reportFailingSubscriptions();
      if (hours === 12) expect([noticed, await events.harness.backlog.listFailingSubscriptions()]).toEqual([0, []]);
      clock.advance(3 * 3600);
    }
    expect(noticed).toBe(1);
    expect(await events.harness.backlog.listFailingSubscriptions()).toMatchObject([
      { id, host: new URL(events.receiver.url).host },
    ]);
    expect(events.harness.log.text()).toContain(id);
    await events.harness.deliverAll();
    expect(await events.statuses()).toEqual(['dead', 'dead']);
    expect(await events.rows('SELECT 1 FROM delivery_queue')).toEqual([]);
    const attempts = await events.rows<{ attempts: number }>('SELECT attempts FROM delivery ORDER BY event_position');
    expect(attempts[0]?.attempts).toBeGreaterThan(10);
    // The second delivery was never attempted before, so it still gets one attempt.
    expect(attempts[1]?.attempts).toBe(1);
    events.receiver.respondWith(200);
    await events.harness.publish();
    await events.harness.deliverAll();
    expect(await events.harness.backlog.listFailingSubscriptions()).toEqual([]);
    const [entry] = await events.rows<{ action: string }>(
      `SELECT action FROM audit_entry WHERE subject_id = $1 AND action LIKE '%failing'`,
      id,
    );
    expect(entry).toEqual({ action: 'subscription.failing' });
  });

  it('of a single event, while others are accepted, show as held connections', async () => {
    const id = await events.harness.subscribe({ url: events.receiver.url });
    events.receiver.respondWith(({ message }, response) =>
      response.writeHead(message.data['connection'] === 'bad' ? 500 : 200).end(),
    );
    const startedAt = clock.now();
    await publishInOrder(events.harness, 'bad', 3);
    for (let minutes = 0; minutes <= 60; minutes += 10) {
      if (minutes > 0) clock.advance(600);
      await publishInOrder(events.harness, `good-${minutes}`, 1);
      await events.harness.deliverAll();
      if (minutes < 60) expect(await events.harness.backlog.listHeldConnections()).toEqual([]);
    }
    const [first] = events.receiver.received.filter(({ message }) => message.data['connection'] === 'bad');
    const host = new URL(events.receiver.url).host;
    expect(await events.harness.backlog.listHeldConnections()).toEqual([
      { id, host, connections: 1, eventId: first?.id, since: startedAt },
    ]);
    expect(await events.harness.backlog.count()).toEqual({ undispatched: 0, pending: 3, dead: 0, refused: 1 });
    const finding = await checkEventSubscriptions({ database: events.database, clock });
    expect(finding).toMatchObject({ state: 'attention', detail: expect.stringContaining(first?.id ?? 'none') });
    // A subscriber that accepts nothing at all is covered by `listFailingSubscriptions`.
    clock.advance(3601);
    expect(await events.harness.backlog.listHeldConnections()).toEqual([]);
  });

  it('from a refused connection, a reset, or a forbidden address are retried', async () => {
    await events.receiver.close();
    const id = await events.harness.subscribe({ url: events.receiver.url });
    await events.harness.subscribe({ url: 'https://10.0.0.1/' });
    await events.harness.publish();
    await events.harness.deliverAll();
    const errors = await events.rows<{ last_error: string }>(
      'SELECT last_error, attempts FROM delivery ORDER BY subscription_id = $1 DESC',
      id,
    );
    expect(errors).toEqual([
      { last_error: 'connect', attempts: 1 },
      { last_error: 'address_refused', attempts: 1 },
    ]);
    events.receiver = await events.anotherReceiver((_, response) => response.destroy());
    const third = await events.harness.subscribe({ url: events.receiver.url });
    await events.harness.publish();
    await events.harness.deliverAll();
    expect(await events.rows('SELECT last_error FROM delivery WHERE subscription_id = $1', third)).toEqual([
      { last_error: 'reset' },
    ]);
  });

  it('from one broken secret hold up no other subscription', async () => {
    const broken = await events.harness.subscribe({ url: events.receiver.url });
    await events.harness.subscribe({ url: events.receiver.url });
    await events.rows(
      'UPDATE sealed_secret SET ciphertext = ciphertext || $2 WHERE id IN (SELECT secret_id FROM subscription_secret WHERE subscription_id = $1)',
      broken,
      Buffer.of(1),
    );
    await events.harness.publish();
    await events.harness.deliverAll();
    expect(events.receiver.received).toHaveLength(1);
    expect(await events.rows('SELECT last_error FROM delivery WHERE subscription_id = $1', broken)).toEqual([
      { last_error: 'secret_unavailable' },
    ]);
  });
});

describe('replay', () => {
  it('repeats a time range and nothing outside of it', async () => {
    const id = await events.harness.subscribe({ url: events.receiver.url });
    const at: Date[] = [];
    for (let n = 0; n < 3; n++) {
      at.push(clock.now());
      await events.harness.publish({ data: { connection: 'con_1', n } });
      await events.harness.deliverAll();
      clock.advance(3600);
    }
    const range = { from: at[1] ?? clock.now(), to: at[2] ?? clock.now() };
    expect(await events.harness.deliveries.replayRange(WITHOUT_SCOPE, id, { ...range, statuses: ['dead'] })).toBe(0);
    expect(await events.harness.deliveries.replayRange(WITHOUT_SCOPE, id, { ...range, statuses: ['delivered'] })).toBe(
      1,
    );
    await events.harness.deliverAll();
    expect(numbersOf(events.receiver, 'con_1')).toEqual([0, 1, 2, 1]);
  });

  it('makes a delivery that waits for its next attempt due at once', async () => {
    const id = await events.harness.subscribe({ url: events.receiver.url });
    events.receiver.respondWith(500);
    await events.harness.publish();
    await events.harness.deliverAll();
    events.receiver.respondWith(200);
    await events.harness.deliverAll();
    expect(events.receiver.received).toHaveLength(1);
    const [delivery] = await events.harness.deliveries.list(id, WITHOUT_SCOPE.scope, {
      status: null,
      limit: 1,
      before: null,
    });
    await events.harness.deliveries.replay(WITHOUT_SCOPE, delivery?.id ?? '');
    await events.harness.deliverAll();
    expect(await events.statuses()).toEqual(['delivered']);
  });
});

describe('retention', () => {
  it('deletes old finished deliveries, but nothing pending', async () => {
    const paused = await events.harness.subscribe({ url: events.receiver.url });
    await events.harness.subscribe({ url: events.receiver.url, events: ['connection.created'] });
    await events.harness.store.pause(WITHOUT_SCOPE, paused);
    await events.harness.publish({ type: 'connection.created' });
    await events.harness.publish();
    await events.harness.publish({ type: 'connection.revoked' });
    await events.harness.deliverAll();
    expect(await events.harness.purge(30)).toBe(0);
    clock.advance(31 * DAY);
    await events.harness.publish({ type: 'connection.created' });
    await events.harness.deliverAll();
    expect(await events.harness.purge(30)).toBe(2);
    expect(await events.rows('SELECT type FROM event ORDER BY position')).toEqual([
      { type: 'connection.refreshed' },
      { type: 'connection.created' },
    ]);
    await events.harness.store.resume(WITHOUT_SCOPE, paused);
    await events.harness.deliverAll();
    expect(await events.statuses()).toEqual(['delivered', 'delivered']);
  });

  it('deletes pending deliveries of a deleted subscription', async () => {
    const id = await events.harness.subscribe({ url: events.receiver.url });
    await events.harness.store.pause(WITHOUT_SCOPE, id);
    await events.harness.publish();
    await events.harness.deliverAll();
    await events.harness.store.delete(WITHOUT_SCOPE, id);
    await events.harness.purge(30);
    expect(await events.statuses()).toEqual([]);
    await events.harness.deliverAll();
    expect(events.receiver.received).toEqual([]);
  });

  it('destroys replaced secrets', async () => {
    const id = await events.harness.subscribe({ url: events.receiver.url });
    await events.harness.store.rotateSecret(WITHOUT_SCOPE, id, 60);
    clock.advance(61);
    await events.harness.maintenance.destroyExpiredSecrets();
    expect(await events.rows('SELECT version FROM subscription_secret WHERE subscription_id = $1', id)).toEqual([
      { version: 2 },
    ]);
  });
});
