import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { SYSTEM } from '../../../src/audit/actor.ts';
import { adoptRows, requireRowMacs } from '../../../src/bootstrap/row-mac-step.ts';
import { UnprovenRowsError } from '../../../src/bootstrap/unproven-rows-error.ts';
import { ClientsService } from '../../../src/clients/clients.service.ts';
import { SystemClock } from '../../../src/platform/clock.ts';
import { type AuthApp, startAuthApp } from '../../support/auth-app.ts';
import { type OpenDatabase, openFreshDatabase } from '../../support/fresh-database.ts';
import { captureLog } from '../../support/test-replica.ts';
import { openTestVault, type TestVault } from '../../support/test-vault.ts';

const clock = new SystemClock();
let open: OpenDatabase;
let vault: TestVault;
let access: AuthApp;
let key: string;

/** A database as the previous release left it: audited clients with keys and identities, without any MACs. */
beforeEach(async () => {
  open = await openFreshDatabase();
  vault = await openTestVault(open.database, clock);
  access = await startAuthApp(open.database, clock);
  const created = await access.app.get(ClientsService).create(SYSTEM, {
    name: 'of before',
    role: 'admin',
    tenants: ['*'],
    products: ['*'],
    identities: [{ issuer: 'https://issuer.example', subject: 'sub', audience: 'metavault' }],
  });
  key = created.apiKey.expose();
  await removeMacs();
});
afterEach(async () => {
  await access.app.close();
  await open.close();
});

const run = (text: string, ...values: unknown[]): Promise<number> => open.database.run({ text, values });
async function removeMacs(): Promise<void> {
  for (const table of ['client', 'client_key', 'client_identity']) await run(`UPDATE ${table} SET mac = NULL`);
}
const step = (log = captureLog()): Promise<void> =>
  requireRowMacs({ database: open.database, clock, ids: vault.ids, keyRing: vault.ring, logger: log.logger });
const status = async (): Promise<number> =>
  (await request(access.app.getHttpServer()).get('/v1/clients').set('authorization', `Bearer ${key}`)).status;
const evidence = (): Promise<{ details: unknown }[]> =>
  open.database.rows({ text: `SELECT details FROM audit_entry WHERE action = 'integrity.macs_required'` });

describe('rows of the release before', () => {
  it('count only once they have their MACs, which two replicas give them at once', async () => {
    expect(await status()).toBe(401);
    await Promise.all([step(), step()]);
    expect(await status()).toBe(200);
    expect(await evidence()).toHaveLength(1);
    expect(await evidence()).toEqual([
      {
        details: {
          protected_tables: expect.arrayContaining(['client', 'client_key', 'client_identity', 'lease']),
          rows: expect.objectContaining({ client: 2, client_key: 2, client_identity: 1, lease: 0 }),
        },
      },
    ]);
  });

  it('get none that somebody brings in later', async () => {
    await step();
    await removeMacs();
    await step();
    expect(await status()).toBe(401);
  });

  it('get none again where somebody removed that they had theirs', async () => {
    await step();
    await removeMacs();
    await run('DELETE FROM row_mac_requirement');
    const log = captureLog();
    await step(log);
    expect(await status()).toBe(401);
    expect(log.text()).toContain('was removed from the database');
    expect((await open.database.rows({ text: 'SELECT 1 FROM row_mac_requirement' })).length).toBeGreaterThan(0);
  });

  it.each([
    ['the entry', `DELETE FROM audit_entry WHERE action = 'integrity.macs_required'`],
    ['what the entry says', `UPDATE audit_entry SET details = '{}' WHERE action = 'integrity.macs_required'`],
    ['the record', 'TRUNCATE audit_entry, audit_link, audit_head, audit_checkpoint'],
  ])('get none where somebody removed %s of it, too, and the start says so', async (_, statement) => {
    await step();
    await removeMacs();
    await run('DELETE FROM row_mac_requirement');
    await run(statement);
    await expect(step()).rejects.toThrow(UnprovenRowsError);
    expect(await status()).toBe(401);
  });

  it('are gone on with where a replica died in between', async () => {
    await run(`UPDATE client SET mac = $1 WHERE id <> 'cli_00000000000000000000000000'`, Buffer.alloc(16));
    await step();
    // The wrong MAC was not replaced.
    expect(await status()).toBe(401);
    // The entry counts the rows of the replica that died, too.
    expect(await evidence()).toEqual([
      { details: expect.objectContaining({ rows: expect.objectContaining({ client: 2 }) }) },
    ]);
  });
});

describe('an operator', () => {
  it('takes all rows for what they should be, with an entry, and the next start asks no more', async () => {
    await step();
    await removeMacs();
    await run('DELETE FROM row_mac_requirement');
    await run(`DELETE FROM audit_entry WHERE action = 'integrity.macs_required'`);
    const services = {
      database: open.database,
      clock,
      ids: vault.ids,
      keyRing: vault.ring,
      logger: captureLog().logger,
    };
    const adopted = await adoptRows(services, SYSTEM);
    expect(adopted.get('client')).toHaveLength(2);
    expect(await status()).toBe(200);
    await step();
    expect(
      await open.database.rows({ text: `SELECT 1 FROM audit_entry WHERE action = 'integrity.rows_adopted'` }),
    ).toHaveLength(1);
  });
});
