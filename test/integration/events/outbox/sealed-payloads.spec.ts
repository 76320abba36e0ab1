import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { KekRepository } from '../../../../src/vault/keys/kek.repository.ts';
import { KeyRewrap } from '../../../../src/vault/keys/key-rewrap.ts';
import { useEvents } from '../../../support/events-test-context.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

const DAY_SECONDS = 86_400;
/** Digits and spaces that a parser would not preserve. */
const ENTRY = '{"id": 12345678901234567890, "text":"a private m\\u0065ssage", "n":1.50}';
const MARK = 'a private m';
const ERASED = { erased: true };
const clock = new FakeClock();
const events = useEvents(clock);
let url: string;

beforeEach(async () => {
  await events.rows('DELETE FROM payload_key');
  url = events.receiver.url;
});

const subscribe = () => events.harness.subscribe({ url, events: ['meta.webhook'] });
const bodies = () => events.receiver.received.map(({ body }) => body);
const data = () => events.receiver.received.map(({ message }) => message.data);
const keys = () =>
  events.rows<{ id: string; tenant: string; day: string; secret_id: string }>(
    'SELECT id, tenant, day::text AS day, secret_id FROM payload_key ORDER BY day, tenant',
  );
const errors = async () =>
  (await events.rows<{ last_error: string | null }>('SELECT last_error FROM delivery ORDER BY event_position')).map(
    (row) => row.last_error,
  );
/** Every row of every table, as text. */
const everything = async (): Promise<string> => {
  const tables = await events.rows<{ name: string }>(
    `SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`,
  );
  const texts: string[] = [];
  for (const { name } of tables) {
    const rows = await events.rows<{ text: string }>(`SELECT t::text AS text FROM ${name} t`);
    texts.push(...rows.map(({ text }) => text));
  }
  return texts.join('\n');
};

describe('a payload from Meta', () => {
  it('is in no table in the clear, and reaches subscribers byte for byte', async () => {
    await subscribe();
    await events.harness.relay(ENTRY);
    const hex = Buffer.from(MARK).toString('hex');
    expect(await everything()).not.toMatch(new RegExp(`${MARK}|${hex}`));
    await events.other.deliverAll();
    expect(bodies()).toEqual([expect.stringContaining(`"data":{"entry":${ENTRY}}}`)]);
    expect(await everything()).not.toMatch(new RegExp(`${MARK}|${hex}`));
  });

  it('is sealed under a key per tenant and day, without a statement once the key is in memory', async () => {
    await events.harness.relay('1');
    await events.harness.relay('2', { tenant: 'other' });
    await events.harness.relay('3', { tenant: null, connectionId: null });
    await events.harness.relay('4');
    clock.advance(DAY_SECONDS);
    await events.harness.relay('5');
    const found = await keys();
    expect(found.map(({ tenant }) => tenant)).toEqual(['', 'acme', 'other', 'acme']);
    expect(new Set(found.map(({ day }) => day)).size).toBe(2);
    await events.harness.relay('6');
    const rows = jest.spyOn(events.database, 'rows');
    await events.harness.relay('7');
    expect(rows).toHaveBeenCalledTimes(1);
    rows.mockRestore();
    await subscribe();
    await events.other.deliverAll();
    expect(data().map((each) => each['entry'])).toEqual(expect.arrayContaining([1, 2, 3, 4, 5, 6, 7]));
  });

  it('gets a single key when two replicas have the first one of a day at once', async () => {
    await Promise.all(
      [events.harness, events.other, events.harness, events.other].map((each, n) => each.relay(String(n))),
    );
    expect(await keys()).toHaveLength(1);
    await subscribe();
    await events.harness.deliverAll();
    expect(data()).toHaveLength(4);
    expect(data()).not.toContainEqual(ERASED);
  });

  it('is not sealed under a key whose transaction was rolled back', async () => {
    const rolledBack = events.database.transaction(async (tx) => {
      const event = { type: 'meta.webhook', tenant: 'acme', product: null, connectionId: null, data: {} } as const;
      await events.harness.outbox.add(tx, event);
      await events.harness.outbox.add(tx, event);
      throw new Error('rolled back');
    });
    await expect(rolledBack).rejects.toThrow('rolled back');
    expect(await keys()).toEqual([]);
    await events.harness.relay(ENTRY);
    await subscribe();
    await events.other.deliverAll();
    expect(bodies()).toEqual([expect.stringContaining(ENTRY)]);
  });

  it('opens only in its own row, for its own tenant, and unmodified; others are still delivered', async () => {
    await subscribe();
    for (const connectionId of ['con_1', 'con_2', 'con_3', 'con_4'] as const)
      await events.harness.relay('1', { connectionId });
    const [moved, renamed, changed] = await events.rows<{ id: string }>('SELECT id FROM event ORDER BY position');
    await events.rows(
      `UPDATE event SET payload = (SELECT payload FROM event WHERE connection_id = 'con_4') WHERE id = $1`,
      moved?.id,
    );
    await events.rows(`UPDATE event SET tenant = 'other' WHERE id = $1`, renamed?.id);
    await events.rows(
      'UPDATE event SET payload = set_byte(payload, 40, get_byte(payload, 40) # 1) WHERE id = $1',
      changed?.id,
    );
    await events.other.deliverAll();
    expect(await events.statuses()).toEqual(['pending', 'pending', 'pending', 'delivered']);
    expect(await errors()).toEqual([...Array(3).fill('payload_unavailable'), null]);
  });
});

describe('a rotation of KEKs', () => {
  it('covers payloads: once rewrapped, they open without the old key, which waits for them', async () => {
    const keks = new KekRepository(events.database, clock);
    const { ring, random } = events.vault;
    const none = async (): Promise<void> => undefined;
    await subscribe();
    await events.harness.relay(ENTRY);
    const [key] = await keys();
    const { replacedId } = await ring.rotate(none);
    expect((await keks.retire(replacedId, none)).outcome).toBe('in_use');
    const rewrap = new KeyRewrap(events.database, ring, clock, random);
    await events.database.transaction((tx) => rewrap.request(tx));
    for (let step = await rewrap.step(null, 10); step.last !== null; ) step = await rewrap.step(step.last, 10);
    expect((await keks.retire(replacedId, none)).outcome).toBe('retired');
    expect(await keys()).toEqual([key]);
    await (await events.anotherHarness()).deliverAll();
    expect(bodies()).toEqual([expect.stringContaining(ENTRY)]);
  });
});

describe("shredding a tenant's payloads", () => {
  it('leaves nothing readable, delivers pending events as erased, and touches no other tenant', async () => {
    await subscribe();
    await events.harness.relay(ENTRY);
    await events.harness.relay('2', { tenant: 'other', connectionId: 'con_2' });
    const [before] = await events.rows<{ id: string; payload: Buffer; payload_key_id: string }>(
      `SELECT id, payload, payload_key_id FROM event WHERE tenant = 'acme'`,
    );
    const secrets = (await keys()).filter(({ tenant }) => tenant === 'acme').map(({ secret_id: id }) => id);
    expect(await events.harness.shred('acme')).toBe(1);
    expect((await keys()).map(({ tenant }) => tenant)).toEqual(['other']);
    expect(await events.rows('SELECT 1 FROM sealed_secret WHERE id = ANY ($1)', secrets)).toEqual([]);
    await events.harness.deliverAll();
    expect(data()).toEqual(expect.arrayContaining([ERASED, { entry: 2 }]));
    // Someone who kept a copy of the row puts it back.
    await events.rows(
      `UPDATE event SET payload = $2, payload_key_id = $3 WHERE id = $1`,
      before?.id,
      before?.payload,
      before?.payload_key_id,
    );
    await events.rows(`UPDATE delivery SET status = 'pending' WHERE event_id = $1`, before?.id);
    await events.rows(
      `INSERT INTO delivery_queue (subscription_id, ordering_key, due_at) SELECT subscription_id, ordering_key, $1
        FROM delivery WHERE status = 'pending'`,
      clock.now(),
    );
    await (await events.anotherHarness()).deliverAll();
    expect(data().at(-1)).toEqual(ERASED);
    expect(bodies().join()).not.toContain(MARK);
  });

  it('does not lose what another replica seals afterward with the old key still in memory', async () => {
    await events.other.relay('1');
    await events.other.relay('2');
    await events.harness.shred('acme');
    await events.other.relay(ENTRY);
    await subscribe();
    await events.harness.deliverAll();
    expect(data().slice(0, 2)).toEqual([ERASED, ERASED]);
    expect(bodies()[2]).toContain(ENTRY);
  });

  it('includes what another replica stores at the same moment', async () => {
    await events.other.relay('1');
    await events.database.transaction(async (tx) => {
      const event = { type: 'meta.webhook', tenant: 'acme', product: null, connectionId: 'con_1' } as const;
      await events.other.outbox.add(tx, { ...event, data: { entry: 2 } });
      expect(await events.harness.shred('acme')).toBe(1);
    });
    await events.other.relay('3');
    await subscribe();
    await events.harness.deliverAll();
    expect(data()).toEqual([ERASED, ERASED, { entry: 3 }]);
  });

  it('is not needed for a broken key: a new one replaces it', async () => {
    await events.harness.relay('1');
    const [old] = await keys();
    await events.rows('DELETE FROM sealed_secret WHERE id = $1', old?.secret_id);
    await (await events.anotherHarness()).relay(ENTRY);
    const [now] = await keys();
    expect(now?.id).not.toBe(old?.id);
    await subscribe();
    await events.other.deliverAll();
    expect(data()[0]).toEqual(ERASED);
    expect(bodies()[1]).toContain(ENTRY);
  });
});

describe('events that an earlier release stored in the clear', () => {
  const insert = (id: number, text: string, at = clock.now()) =>
    events.rows(
      `INSERT INTO event (id, type, tenant, connection_id, data, created_at) VALUES ($1, 'meta.webhook', 'acme', $2, $3, $4)`,
      `evt_0${id}`,
      `con_${id}`,
      text,
      at,
    );
  const clear = () => events.rows(`SELECT id FROM event WHERE data IS NOT NULL`);

  it('are delivered unchanged and sealed in the background, resuming after interruptions', async () => {
    for (let n = 1; n <= 3; n++) await insert(n, `{"n" : ${n}, "entry":${ENTRY}}`);
    const stopped = AbortSignal.abort();
    await events.harness.payloads.run(stopped);
    expect(await clear()).toHaveLength(3);
    await events.harness.sealNext(1);
    expect(await clear()).toHaveLength(2);
    await subscribe();
    await events.harness.deliverAll();
    expect(bodies()).toHaveLength(3);
    await Promise.all([events.harness.payloads.run(), events.other.payloads.run()]);
    expect(await clear()).toEqual([]);
    expect(await everything()).not.toContain(MARK);
    const [delivery] = await events.rows<{ id: string }>(`SELECT id FROM delivery WHERE ordering_key = 'con_2'`);
    await events.harness.replay(delivery?.id ?? '');
    await events.other.deliverAll();
    expect(bodies()[3]).toContain(`"data":{"n" : 2, "entry":${ENTRY}}`);
  });

  it('are deleted if they were erased or are past their retention', async () => {
    await insert(1, '{"erased":true}');
    await insert(2, ENTRY, new Date(clock.now().getTime() - 31 * DAY_SECONDS * 1000));
    await events.harness.payloads.run();
    expect(await events.rows('SELECT 1 FROM event WHERE data IS NOT NULL OR payload IS NOT NULL')).toEqual([]);
    expect(await keys()).toEqual([]);
    await subscribe();
    await events.harness.deliverAll();
    expect(data()).toEqual([ERASED, ERASED]);
  });
});
