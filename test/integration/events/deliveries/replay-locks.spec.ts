import { expect, it } from '@jest/globals';
import { WITHOUT_SCOPE } from '../../../support/events-harness.ts';
import { useEvents } from '../../../support/events-test-context.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { until } from '../../../support/until.ts';

const clock = new FakeClock();
const events = useEvents(clock, {});

it.each([
  ['of one delivery', (id: string, _: string) => events.harness.deliveries.replay(WITHOUT_SCOPE, id)],
  [
    'of a range',
    (_: string, subscriptionId: string) =>
      events.harness.deliveries.replayRange(WITHOUT_SCOPE, subscriptionId, {
        from: new Date(clock.now().getTime() - 60_000),
        to: new Date(clock.now().getTime() + 60_000),
        statuses: ['pending'],
      }),
  ],
])('a replay %s waits for an attempt being recorded, and holds no lock that the recording needs', async (_, replay) => {
  const subscriptionId = await events.harness.subscribe({ url: events.receiver.url });
  await events.harness.publish({ connectionId: 'con_1' });
  await events.harness.fanOut.run();
  const [delivery] = await events.rows<{ id: string; ordering_key: string }>('SELECT id, ordering_key FROM delivery');
  const { id = '', ordering_key: orderingKey = '' } = delivery ?? {};
  const replaying = await events.database.transaction(async (tx) => {
    // In the order of `AttemptRecorder`: the queue, then its contents.
    await tx.rows({
      text: 'SELECT 1 FROM delivery_queue WHERE subscription_id = $1 AND ordering_key = $2 FOR UPDATE',
      values: [subscriptionId, orderingKey],
    });
    const begun = { replay: replay(id, subscriptionId) };
    begun.replay.catch(() => undefined);
    await until(async () => {
      const waiting = await events.rows(
        `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      return waiting.length > 0;
    });
    await tx.rows({ text: 'SELECT 1 FROM delivery WHERE id = $1 FOR UPDATE NOWAIT', values: [id] });
    return begun;
  });
  await replaying.replay;
  expect(await events.statuses()).toEqual(['pending']);
  await events.harness.deliverAll();
  expect(await events.statuses()).toEqual(['delivered']);
});
