import { afterAll, afterEach, beforeAll, beforeEach } from '@jest/globals';
import type { Config } from '../../src/config/config.ts';
import type { Database } from '../../src/database/database.ts';
import type { SubscriberHttpOptions } from '../../src/events/subscribers/subscriber-http-client.ts';
import { createEventsHarness, type EventsHarness } from './events-harness.ts';
import type { FakeClock } from './fake-clock.ts';
import { openFreshDatabase } from './fresh-database.ts';
import { openResources } from './open-resources.ts';
import { testConfig } from './test-config.ts';
import { openTestVault, type TestVault } from './test-vault.ts';
import { type Behavior, type Receiver, startReceiver } from './webhook-receiver.ts';

/** What tests of the events module work with. */
export interface EventsTestContext {
  config: Config;
  database: Database;
  rows<R extends object>(text: string, ...values: unknown[]): Promise<R[]>;
  /** Of all deliveries, in the order of their events. */
  statuses(): Promise<string[]>;
  /** The events modules of two replicas, each with keys of its own in memory. */
  harness: EventsHarness;
  other: EventsHarness;
  vault: TestVault;
  /** One more replica, closed with the rest. */
  anotherHarness(options?: SubscriberHttpOptions): Promise<EventsHarness>;
  /** Answers every delivery with 204 until a test changes that. */
  receiver: Receiver;
  /** One more, closed with the rest. */
  anotherReceiver(behavior?: Behavior): Promise<Receiver>;
}

/**
 * Hooks for a spec file: one database; for each test empty tables, new modules, and new receivers, which fill the
 * returned object.
 */
export function useEvents(clock: FakeClock, environment: Record<string, string> = {}): EventsTestContext {
  const context = { config: testConfig(environment) } as EventsTestContext;
  let ofFile: { close(): Promise<void> } | null = null;
  let ofTest: { close(): Promise<void> } | null = null;
  beforeAll(async () => {
    const { database, close } = await openFreshDatabase();
    ofFile = { close };
    const rows: EventsTestContext['rows'] = (text, ...values) => database.rows({ text, values });
    const statuses = async (): Promise<string[]> =>
      (await rows<{ status: string }>('SELECT status FROM delivery ORDER BY event_position, id')).map(
        ({ status }) => status,
      );
    Object.assign(context, { database, rows, statuses });
  });
  afterAll(() => ofFile?.close());
  beforeEach(async () => {
    await context.database.run({
      text: 'TRUNCATE event, delivery, delivery_queue, subscription, subscription_secret, audit_entry',
    });
    const { close, ...opened } = await openForTest(context, clock);
    ofTest = { close };
    Object.assign(context, opened);
  });
  afterEach(() => ofTest?.close());
  return context;
}

function openForTest({ database, config }: EventsTestContext, clock: FakeClock) {
  return openResources(async (closeLater) => {
    const vault = await openTestVault(database, clock);
    const newHarness = (of: TestVault, options?: SubscriberHttpOptions) =>
      closeLater(createEventsHarness(database, clock, config, of, options));
    const anotherHarness: EventsTestContext['anotherHarness'] = async (options) =>
      newHarness(await openTestVault(database, clock), options);
    const anotherReceiver = async (behavior?: Behavior) => closeLater(await startReceiver(behavior));
    const [harness, other, receiver] = [newHarness(vault), await anotherHarness(), await anotherReceiver()];
    return { vault, harness, other, receiver, anotherHarness, anotherReceiver };
  });
}

/** Events 0 to `count` - 1 of one connection. */
export async function publishInOrder(harness: EventsHarness, connection: string, count: number): Promise<void> {
  for (let n = 0; n < count; n++) await harness.publish({ connectionId: `con_${connection}`, data: { connection, n } });
}

/** Numbers of the events that arrived, in the order of their arrival. */
export function numbersOf(receiver: Receiver, connection: string): unknown[] {
  return receiver.received
    .filter(({ message }) => message.data['connection'] === connection)
    .map(({ message }) => message.data['n']);
}
