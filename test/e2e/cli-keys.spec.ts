import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import request from 'supertest';
import { type CliStage, cliStage } from '../support/cli-test-context.ts';
import { metavault, metavaultJson, startMetavault } from '../support/run-metavault.ts';
import { startTestReplica } from '../support/test-replica.ts';
import { TEST_ROOT_KEY } from '../support/test-vault.ts';

const NEW_ROOT_KEY = Buffer.alloc(32, 12).toString('base64');
const CHANGE = { ROOT_KEY: NEW_ROOT_KEY, ROOT_KEY_PREVIOUS: TEST_ROOT_KEY };

let stage: CliStage;

beforeAll(async () => {
  stage = await cliStage();
  const rows = ['one', 'two', 'three'].map((tenant) =>
    JSON.stringify({ tenant, product: 'pages', access_token: stage.personToken() }),
  );
  expect(await stage.run('import', stage.file('rows.jsonl', rows.join('\n')))).toMatchObject({ code: 0 });
}, 60_000);
afterAll(() => stage?.close());

interface Kek {
  id: string;
  state: string;
  data_keys: number;
  root_key_id: string;
}
const keks = async (more: Record<string, string> = {}): Promise<Kek[]> =>
  (await metavaultJson<{ data: Kek[] }>({ ...stage.environment, ...more }, 'keys', 'list')).data;
const active = async (more: Record<string, string> = {}): Promise<string> =>
  (await keks(more)).find(({ state }) => state === 'active')?.id ?? '';

async function leaseStatus(key: string, tenant: string, more: Record<string, string> = {}): Promise<number> {
  const replica = await startTestReplica({
    databaseUrl: stage.databaseUrl,
    environment: { ...stage.environment, ...more },
  });
  try {
    const body = { tenant, product: 'pages' };
    const lease = request(replica.app.getHttpServer()).post('/v1/leases').set('Authorization', `Bearer ${key}`);
    return (await lease.send(body)).status;
  } finally {
    await replica.close();
  }
}

describe('metavault keys', () => {
  it('rotates, rewraps and retires; a key in use stays, one that is retired stays so', async () => {
    const old = await active();
    const run = (...words: string[]) => stage.run('keys', ...words);
    expect(await run('retire', old)).toMatchObject({ code: 1, err: expect.stringContaining('the active key') });
    expect(await run('rotate')).toMatchObject({ code: 0, out: expect.stringContaining(`${old} goes on opening`) });
    expect(await run('retire', old)).toMatchObject({ code: 1, err: expect.stringContaining('still wraps') });
    expect(await stage.json('keys', 'rewrap')).toMatchObject({ state: 'done', remaining: 0 });
    expect(await stage.json('keys', 'retire', old)).toEqual({ id: old, state: 'retired' });
    expect(await run('retire', old)).toMatchObject({ code: 0 });
    expect((await run('list')).out).toMatch(new RegExp(`${old} +retired`));
  }, 60_000);

  it('destroys the active key by putting another in its place, when it is told to', async () => {
    const old = await active();
    const refused = await stage.run('keys', 'destroy', old);
    expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('--yes') });
    expect(await active()).toBe(old);
    const done = await stage.run('keys', 'destroy', old, '--yes');
    expect(done).toMatchObject({ code: 0, out: expect.stringContaining('A backup that holds the ring still opens') });
    expect((await keks()).filter(({ state }) => state !== 'retired')).toMatchObject([{ state: 'active' }]);
  }, 60_000);

  it('changes the root key; killed in the middle, all of the ring is still under the old one', async () => {
    const [before] = await keks();
    const blocker = new pg.Client({ connectionString: stage.databaseUrl });
    await blocker.connect();
    await blocker.query('BEGIN');
    await blocker.query('SELECT 1 FROM encryption_key ORDER BY id DESC LIMIT 1 FOR UPDATE');
    const { child, ended } = startMetavault({ ...stage.environment, ...CHANGE }, ['keys', 'change-root']);
    const waits = `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`;
    while ((await stage.sql.query(waits)).rowCount === 0) await new Promise((resolve) => setTimeout(resolve, 50));
    child.kill('SIGKILL');
    await ended;
    await blocker.query('ROLLBACK');
    await blocker.end();
    const roots = new Set((await keks()).filter(({ state }) => state !== 'retired').map((key) => key.root_key_id));
    expect(roots.size).toBe(1);
    const changed = await metavaultJson<{ root_key_ids: string[] }>(
      { ...stage.environment, ...CHANGE },
      'keys',
      'change-root',
    );
    expect(changed.root_key_ids).toHaveLength(1);
    expect(changed.root_key_ids).not.toContain(before?.root_key_id);
    expect(await stage.run('keys', 'list')).toMatchObject({ code: 1 });
    const back = { ROOT_KEY: TEST_ROOT_KEY, ROOT_KEY_PREVIOUS: NEW_ROOT_KEY };
    expect(await metavault({ ...stage.environment, ...back }, 'keys', 'change-root')).toMatchObject({ code: 0 });
  }, 90_000);
});

describe('docs/runbook.md, "After a leak"', () => {
  it('can be run from its first line to its last', async () => {
    const changed = { ...stage.environment, ROOT_KEY: NEW_ROOT_KEY };
    const words = ['--name', 'a', '--role', 'service', '--tenants', '*', '--products', '*'];
    const [clientId = '', key = ''] = (await stage.run('clients', 'create', ...words)).out.split('\n');
    expect(await leaseStatus(key, 'one')).toBe(201);

    const before = await stage.json<{ data: { id: string }[] }>('connections', 'list', '--status', 'active');
    expect(before.data).toHaveLength(3);
    const anchor = stage.file('anchor.json', (await stage.run('audit', 'anchor')).out);
    const old = await active();
    const done = async (on: Record<string, string>, ...line: string[]): Promise<string> => {
      const { code, out, err } = await metavault(on, ...line);
      expect({ line, code, err }).toEqual({ line, code: 0, err: '' });
      return out;
    };
    await done({ ...stage.environment, ...CHANGE }, 'keys', 'change-root');
    await done(changed, 'keys', 'rotate');
    await done(changed, 'keys', 'rewrap');
    await done(changed, 'keys', 'retire', old);
    expect(await done(changed, 'revoke', '--product', 'pages', '--dry-run')).toContain(before.data[0]?.id);
    expect(await done(changed, 'revoke', '--product', 'pages', '--yes')).toMatch(/confirmed$/m);
    const rotated =
      (await done(changed, 'clients', 'rotate-key', clientId, '--grace-seconds', '0')).split('\n')[0] ?? '';
    await done(changed, 'audit', 'verify', '--anchor', anchor);

    const only = { ROOT_KEY: NEW_ROOT_KEY };
    expect(await leaseStatus(key, 'one', only)).toBe(401);
    expect(await leaseStatus(rotated, 'one', only)).toBe(404);
    expect(await stage.run('keys', 'list')).toMatchObject({ code: 1 });
  }, 120_000);
});
