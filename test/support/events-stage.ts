import type { Config } from '../../src/config/config.ts';
import type { Database } from '../../src/database/database.ts';
import { assemble } from './assemble.ts';
import { testConfig } from './config.ts';
import { openFreshDatabase } from './database.ts';
import { type EventsRoom, eventsRoom } from './events.ts';
import type { FakeClock } from './fake-clock.ts';
import { type Behaviour, type Receiver, startReceiver } from './receiver.ts';
import { openTestVault } from './vault.ts';

/** What one test works with. */
export interface EventsScene {
  /** The events rooms of two replicas. */
  room: EventsRoom;
  other: EventsRoom;
  /** Takes every delivery with 204 until it is told to behave otherwise. */
  receiver: Receiver;
  /** One more, closed with the rest. */
  anotherReceiver(behaviour?: Behaviour): Promise<Receiver>;
  close(): Promise<void>;
}

/** A database for the events room alone. */
export interface EventsStage {
  database: Database;
  config: Config;
  rows<R extends object>(text: string, ...values: unknown[]): Promise<R[]>;
  /** Of all deliveries, in the order of their events. */
  statuses(): Promise<string[]>;
  /** Empties the tables of events, and opens what a test works with. */
  begin(): Promise<EventsScene>;
  close(): Promise<void>;
}

export function eventsStage(clock: FakeClock, environment: Record<string, string> = {}): Promise<EventsStage> {
  return assemble(async (keep) => {
    const { database } = keep(await openFreshDatabase());
    const config = testConfig(environment);
    const rows = <R extends object>(text: string, ...values: unknown[]) => database.rows<R>({ text, values });
    const begin = (): Promise<EventsScene> =>
      assemble(async (keepForTest) => {
        await database.run({
          text: 'TRUNCATE event, delivery, delivery_lane, subscription, subscription_secret, audit_entry',
        });
        const vault = await openTestVault(database, clock);
        const newRoom = () => keepForTest(eventsRoom(database, clock, config, vault));
        const anotherReceiver = async (behaviour?: Behaviour) => keepForTest(await startReceiver(behaviour));
        return { room: newRoom(), other: newRoom(), receiver: await anotherReceiver(), anotherReceiver };
      });
    const statuses = async (): Promise<string[]> => {
      const found = await rows<{ status: string }>('SELECT status FROM delivery ORDER BY event_position, id');
      return found.map(({ status }) => status);
    };
    return { database, config, rows, statuses, begin };
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
