import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { BOOTSTRAP_CLIENT_ID } from '../../../src/clients/bootstrap-admin.ts';
import { startAuthApp } from '../../support/auth-app.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { type OpenDatabase, openFreshDatabase } from '../../support/fresh-database.ts';
import { recomputeMac } from '../../support/recompute-mac.ts';
import { openTestVault } from '../../support/test-vault.ts';

const OLD = 'old-bootstrap-key-of-the-operator-0001';
const NEW = 'new-bootstrap-key-of-the-operator-0002';

let open: OpenDatabase;
const clock = new FakeClock();

beforeEach(async () => {
  open = await openFreshDatabase();
});

afterEach(() => open.close());

/** Starts with this key and returns what each of the keys can do then. */
async function startWith(bootstrapKey: string | null): Promise<{ old: number; new: number }> {
  const { app } = await startAuthApp(open.database, clock, { bootstrapKey });
  try {
    const status = async (key: string) =>
      (await request(app.getHttpServer()).get('/v1/clients').set('Authorization', `Bearer ${key}`)).status;
    return { old: await status(OLD), new: await status(NEW) };
  } finally {
    await app.close();
  }
}

async function actions(): Promise<string[]> {
  const rows = await open.database.rows<{ action: string }>({
    text: 'SELECT action FROM audit_entry WHERE subject_id = $1 ORDER BY id',
    values: [BOOTSTRAP_CLIENT_ID],
  });
  return rows.map((row) => row.action);
}

describe('the bootstrap admin', () => {
  it('exists once, however often and however many replicas start', async () => {
    expect(await Promise.all([startWith(OLD), startWith(OLD), startWith(OLD)])).toEqual(
      Array(3).fill({ old: 200, new: 401 }),
    );
    await startWith(OLD);
    const rows = await open.database.rows({
      text: 'SELECT c.name, c.role FROM client c JOIN client_key k ON k.client_id = c.id',
    });
    expect(rows).toEqual([{ name: 'bootstrap', role: 'admin' }]);
    expect((await actions()).sort()).toEqual(['client.created', 'client.key_issued']);
  });

  it('loses its previous key when the variable changes', async () => {
    await startWith(OLD);
    expect(await startWith(NEW)).toEqual({ old: 401, new: 200 });
    expect(await startWith(OLD)).toEqual({ old: 200, new: 401 });
  });

  it('is neither changed nor created by a replica without the variable', async () => {
    expect(await startWith(null)).toEqual({ old: 401, new: 401 });
    expect(await actions()).toEqual([]);
    await startWith(OLD);
    expect(await startWith(null)).toEqual({ old: 200, new: 401 });
  });

  it('comes back if it was deleted or its key was set to expire', async () => {
    await startWith(OLD);
    await open.database.run({ text: `UPDATE client SET deleted_at = '2026-01-01T00:00:00Z'` });
    await recomputeMac(open.database, (await openTestVault(open.database, clock)).ring, clock);
    expect(await startWith(OLD)).toEqual({ old: 200, new: 401 });
    await open.database.run({ text: `UPDATE client_key SET expires_at = '2020-01-01T00:00:00Z'` });
    expect(await startWith(OLD)).toEqual({ old: 200, new: 401 });
  });

  it('is recreated if its row or its key was forged', async () => {
    await startWith(OLD);
    await open.database.run({ text: `UPDATE client SET role = 'auditor', ip_allow_list = '{203.0.113.0/24}'` });
    await open.database.run({ text: 'UPDATE client_key SET mac = NULL' });
    expect(await startWith(OLD)).toEqual({ old: 200, new: 401 });
    expect((await actions()).filter((action) => action === 'client.created')).toHaveLength(2);
  });

  it('is not created with a damaged generated key', async () => {
    await expect(startWith(`mtv_${'a'.repeat(49)}`)).rejects.toThrow('BOOTSTRAP_ADMIN_KEY');
  });

  it('never stores its key in the database', async () => {
    await startWith(OLD);
    const [row] = await open.database.rows<{ dump: string }>({
      text: `SELECT query_to_xml('SELECT * FROM client_key', true, false, '')::text
        || query_to_xml('SELECT * FROM client', true, false, '')::text
        || query_to_xml('SELECT * FROM audit_entry', true, false, '')::text AS dump`,
    });
    expect(row?.dump).toContain('bootstrap');
    for (const form of [OLD, Buffer.from(OLD).toString('hex'), Buffer.from(OLD).toString('base64')]) {
      expect(row?.dump).not.toContain(form);
    }
  });
});
