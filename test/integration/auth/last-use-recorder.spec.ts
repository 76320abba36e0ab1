import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import type { AuthenticatedClient } from '../../../src/auth/authenticated-client.ts';
import { LastUseRecorder } from '../../../src/auth/last-use-recorder.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { type OpenDatabase, openFreshDatabase } from '../../support/fresh-database.ts';
import { captureLog } from '../../support/test-replica.ts';
import { until } from '../../support/until.ts';

const HASH = Buffer.alloc(32, 1);
let open: OpenDatabase;
let clock: FakeClock;
let lastUse: LastUseRecorder;
const log = captureLog();

beforeAll(async () => {
  open = await openFreshDatabase();
  await open.database.run({
    text: `INSERT INTO client (id, name, role, tenants, products, lease_modes, max_ttl_seconds, created_at)
      VALUES ('cli_a', 'a', 'service', '{*}', '{*}', '{gateway}', 60, now())`,
  });
  await open.database.run({
    text: `INSERT INTO client_key (hash, client_id, created_at) VALUES ($1, 'cli_a', now())`,
    values: [HASH],
  });
});
afterAll(() => open.close());
beforeEach(async () => {
  log.lines.length = 0;
  clock = new FakeClock();
  lastUse = new LastUseRecorder(open.database, clock, log.logger);
  await open.database.run({ text: 'UPDATE client SET last_used_at = NULL' });
  await open.database.run({ text: 'UPDATE client_key SET last_used_at = NULL' });
});

const client = (keyHash: Buffer | null = HASH) =>
  ({ clientId: 'cli_a', keyHash }) as Partial<AuthenticatedClient> as AuthenticatedClient;

async function written(): Promise<{ client: string | null; key: string | null }> {
  const [row] = await open.database.rows<{ client: Date | null; key: Date | null }>({
    text: 'SELECT c.last_used_at AS client, k.last_used_at AS key FROM client c JOIN client_key k ON k.client_id = c.id',
  });
  return { client: row?.client?.toISOString() ?? null, key: row?.key?.toISOString() ?? null };
}

it('is written shortly after the first use', async () => {
  lastUse.report(client());
  const at = clock.now().toISOString();
  expect(await until(written, ({ key }) => key !== null)).toEqual({ client: at, key: at });
});

it('is written at most once a minute', async () => {
  const first = clock.now().toISOString();
  lastUse.report(client());
  await lastUse.flush();
  clock.advance(59);
  lastUse.report(client());
  await lastUse.flush();
  expect(await written()).toEqual({ client: first, key: first });
  clock.advance(1);
  lastUse.report(client());
  await lastUse.flush();
  const second = clock.now().toISOString();
  expect(await written()).toEqual({ client: second, key: second });
});

it('of a token is recorded only for its client, and never moves back', async () => {
  lastUse.report(client(null));
  await lastUse.flush();
  const at = clock.now().toISOString();
  expect(await written()).toEqual({ client: at, key: null });
  clock.set('2020-01-01T00:00:00Z');
  const other = new LastUseRecorder(open.database, clock, log.logger);
  other.report(client(null));
  await other.flush();
  expect((await written()).client).toBe(at);
});

it('does not wait for locked rows', async () => {
  await open.database.transaction(async (tx) => {
    await tx.rows({ text: 'SELECT 1 FROM client c, client_key k FOR UPDATE' });
    lastUse.report(client());
    await lastUse.flush();
  });
  expect(await written()).toEqual({ client: null, key: null });
  expect(log.lines).toEqual([]);
});

it('fails no request if the database cannot be written', async () => {
  await open.database.run({ text: 'ALTER TABLE client RENAME COLUMN last_used_at TO gone' });
  try {
    lastUse.report(client());
    await lastUse.flush();
    expect(log.text()).toContain('could not record when keys were last used');
  } finally {
    await open.database.run({ text: 'ALTER TABLE client RENAME COLUMN gone TO last_used_at' });
  }
});
