import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { WITHOUT_SCOPE } from '../../../support/events-harness.ts';
import { useEvents } from '../../../support/events-test-context.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

const DAY_SECONDS = 86_400;
const clock = new FakeClock();
const payloads = (rows: (text: string) => Promise<object[]>) => rows('SELECT 1 FROM event WHERE payload IS NOT NULL');
const never = () => false;

describe('WEBHOOK_RETENTION_DAYS', () => {
  const events = useEvents(clock, { WEBHOOK_RETENTION_DAYS: '7' });
  beforeEach(() => events.rows('DELETE FROM payload_key'));

  it('deletes payloads and their keys, but keeps events and deliveries', async () => {
    await events.harness.subscribe({ url: events.receiver.url, events: ['meta.webhook', 'connection.refreshed'] });
    await events.harness.relay('"kept for a week"');
    await events.harness.publish();
    await events.harness.deliverAll();
    clock.advance(7 * DAY_SECONDS - 60);
    await events.harness.relay('"younger"');
    await events.harness.retention.run(never);
    expect(await payloads(events.rows)).toHaveLength(2);
    clock.advance(120);
    await events.harness.retention.run(never);
    expect(await payloads(events.rows)).toHaveLength(1);
    expect(await events.rows('SELECT 1 FROM payload_key')).toHaveLength(1);
    expect(await events.rows('SELECT 1 FROM event')).toHaveLength(3);
    expect(await events.statuses()).toEqual(['delivered', 'delivered']);
  });

  it('makes replaying a delivery fail with a clear error, and range replays skip it', async () => {
    const subscriptionId = await events.harness.subscribe({
      url: events.receiver.url,
      events: ['meta.webhook', 'connection.refreshed'],
    });
    const from = clock.now();
    await events.harness.relay('1');
    await events.harness.publish();
    await events.harness.deliverAll();
    const [relayed] = await events.rows<{ id: string }>('SELECT id FROM delivery ORDER BY event_position');
    clock.advance(7 * DAY_SECONDS + 1);
    await events.harness.retention.run(never);
    await expect(events.harness.replay(relayed?.id ?? '')).rejects.toMatchObject({
      code: 'payload_gone',
      type: { status: 409 },
    });
    expect(await events.statuses()).toEqual(['delivered', 'delivered']);
    const range = { from, to: clock.now(), statuses: ['delivered'] as const };
    expect(await events.harness.deliveries.replayRange(WITHOUT_SCOPE, subscriptionId, range)).toBe(1);
  });

  it('does not wait for an unreachable subscriber: pending deliveries go out as erased', async () => {
    await events.harness.subscribe({ url: events.receiver.url, events: ['meta.webhook'] });
    await events.harness.relay('1');
    clock.advance(8 * DAY_SECONDS);
    await events.harness.retention.run(never);
    await events.harness.deliverAll();
    expect(events.receiver.received.map(({ message }) => message.data)).toEqual([{ erased: true }]);
  });
});

describe('WEBHOOK_KEEP=until_delivered', () => {
  const events = useEvents(clock, { WEBHOOK_KEEP: 'until_delivered' });
  const subscribe = async (url: string) => events.harness.subscribe({ url, events: ['meta.webhook'] });

  it('deletes a payload once the last subscriber has it, and not before', async () => {
    const slow = await events.anotherReceiver(503);
    await subscribe(events.receiver.url);
    await subscribe(slow.url);
    await events.harness.relay('1');
    await events.harness.deliverAll();
    expect(events.receiver.received).toHaveLength(1);
    expect(await payloads(events.rows)).toHaveLength(1);
    slow.respondWith(204);
    clock.advance(60);
    await events.other.deliverAll();
    expect(slow.received.at(-1)?.message.data).toEqual({ entry: 1 });
    expect(await payloads(events.rows)).toEqual([]);
    const [delivery] = await events.rows<{ id: string }>('SELECT id FROM delivery');
    await expect(events.harness.replay(delivery?.id ?? '')).rejects.toMatchObject({ code: 'payload_gone' });
  });

  it('leaves none behind when two replicas record deliveries of one event at once', async () => {
    for (let n = 0; n < 3; n++) await subscribe((await events.anotherReceiver()).url);
    for (let n = 0; n < 20; n++) await events.harness.relay(String(n), { connectionId: `con_${n}` });
    await Promise.all([events.harness.deliverAll(), events.other.deliverAll()]);
    await Promise.all([events.harness.deliverAll(), events.other.deliverAll()]);
    expect(await events.statuses()).toEqual(Array(60).fill('delivered'));
    expect(await payloads(events.rows)).toEqual([]);
  });

  it('keeps it if the replica died between delivery and record, and delivers again', async () => {
    await subscribe(events.receiver.url);
    await events.harness.relay('1');
    const record = jest.spyOn(events.harness.records, 'record').mockRejectedValue(new Error('killed'));
    await events.harness.deliverAll();
    record.mockRestore();
    expect(events.receiver.received).toHaveLength(1);
    expect(await payloads(events.rows)).toHaveLength(1);
    clock.advance(120);
    await events.other.deliverAll();
    expect(events.receiver.received.map(({ message }) => message.data)).toEqual([{ entry: 1 }, { entry: 1 }]);
    expect(await payloads(events.rows)).toEqual([]);
  });

  it('deletes unwanted payloads at once, and those pending for a deleted subscription soon', async () => {
    await events.harness.relay('1');
    await events.harness.deliverAll();
    expect(await payloads(events.rows)).toEqual([]);
    events.receiver.respondWith(503);
    const id = await subscribe(events.receiver.url);
    await events.harness.relay('2');
    await events.harness.deliverAll();
    await events.harness.store.delete(WITHOUT_SCOPE, id);
    expect(await payloads(events.rows)).toHaveLength(1);
    await events.harness.maintenance.deleteRemains();
    await events.harness.payloads.run();
    expect(await payloads(events.rows)).toEqual([]);
  });

  it("keeps the service's own events, which can be replayed", async () => {
    await events.harness.subscribe({ url: events.receiver.url });
    await events.harness.publish();
    await events.harness.deliverAll();
    const [delivery] = await events.rows<{ id: string }>('SELECT id FROM delivery');
    await events.harness.replay(delivery?.id ?? '');
    await events.harness.deliverAll();
    expect(events.receiver.received.map(({ message }) => message.data)).toEqual(Array(2).fill({ status: 'active' }));
  });
});
