import { afterAll, afterEach, beforeAll, beforeEach } from '@jest/globals';
import type { Config } from '../../src/config/config.ts';
import type { Database } from '../../src/database/database.ts';
import { type EventsRoom, eventsRoom } from './events-harness.ts';
import type { FakeClock } from './fake-clock.ts';
import { openFreshDatabase } from './fresh-database.ts';
import { assemble } from './open-resources.ts';
import { testConfig } from './test-config.ts';
import { openTestVault } from './test-vault.ts';
import { type Behaviour, type Receiver, startReceiver } from './webhook-receiver.ts';

/** What tests of the events room work with. */
export interface EventsBench {
  config: Config;
  database: Database;
  rows<R extends object>(text: string, ...values: unknown[]): Promise<R[]>;
  /** Of all deliveries, in the order of their events. */
  statuses(): Promise<string[]>;
  /** The events rooms of two replicas. */
  room: EventsRoom;
  other: EventsRoom;
  /** Takes every delivery with 204 until it is told to behave otherwise. */
  receiver: Receiver;
  /** One more, closed with the rest. */
  anotherReceiver(behaviour?: Behaviour): Promise<Receiver>;
}

/**
 * Hooks of a spec file: a database for all of its tests; for each of them its tables empty, and rooms and receivers new. They fill
 * what is returned.
 */
export function useEvents(clock: FakeClock, environment: Record<string, string> = {}): EventsBench {
  const bench = { config: testConfig(environment) } as EventsBench;
  let ofFile: { close(): Promise<void> } | null = null;
  let ofTest: { close(): Promise<void> } | null = null;
  beforeAll(async () => {
    const { database, close } = await openFreshDatabase();
    ofFile = { close };
    const rows: EventsBench['rows'] = (text, ...values) => database.rows({ text, values });
    const statuses = async (): Promise<string[]> =>
      (await rows<{ status: string }>('SELECT status FROM delivery ORDER BY event_position, id')).map(
        ({ status }) => status,
      );
    Object.assign(bench, { database, rows, statuses });
  });
  afterAll(() => ofFile?.close());
  beforeEach(async () => {
    await bench.database.run({
      text: 'TRUNCATE event, delivery, delivery_queue, subscription, subscription_secret, audit_entry',
    });
    const { close, ...opened } = await openForTest(bench, clock);
    ofTest = { close };
    Object.assign(bench, opened);
  });
  afterEach(() => ofTest?.close());
  return bench;
}

function openForTest({ database, config }: EventsBench, clock: FakeClock) {
  return assemble(async (keep) => {
    const vault = await openTestVault(database, clock);
    const newRoom = () => keep(eventsRoom(database, clock, config, vault));
    const anotherReceiver = async (behaviour?: Behaviour) => keep(await startReceiver(behaviour));
    return { room: newRoom(), other: newRoom(), receiver: await anotherReceiver(), anotherReceiver };
  });
}

/** Events 0 to `count` - 1 of one connection. */
export async function happenInOrder(room: EventsRoom, connection: string, count: number): Promise<void> {
  for (let n = 0; n < count; n++) await room.happen({ connectionId: connection, data: { connection, n } });
}

/** Which of those events came, in the order in which they came. */
export function numbersOf(receiver: Receiver, connection: string): unknown[] {
  return receiver.received
    .filter(({ message }) => message.data['connection'] === connection)
    .map(({ message }) => message.data['n']);
}
