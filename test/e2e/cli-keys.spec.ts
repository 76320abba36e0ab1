import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import request from 'supertest';
import { type CliTestContext, openCliTestContext } from '../support/cli-test-context.ts';
import { runMetavault, runMetavaultJson, startMetavault } from '../support/run-metavault.ts';
import { startTestReplica } from '../support/test-replica.ts';
import { TEST_ROOT_KEY } from '../support/test-vault.ts';

const NEW_ROOT_KEY = Buffer.alloc(32, 12).toString('base64');
const CHANGE = { ROOT_KEY: NEW_ROOT_KEY, ROOT_KEY_PREVIOUS: TEST_ROOT_KEY };

let context: CliTestContext;

/** Opens a vault for one group of tests: the group about a leak leaves its vault with another root key. */
function openContext(): void {
  beforeAll(async () => {
    context = await openCliTestContext();
    const rows = ['one', 'two', 'three'].map((tenant) =>
      JSON.stringify({ tenant, product: 'pages', access_token: context.createUserToken() }),
    );
    expect(await context.run('import', context.file('rows.jsonl', rows.join('\n')))).toMatchObject({ code: 0 });
  });
  afterAll(() => context?.close());
}

interface Kek {
  id: string;
  state: string;
  data_keys: number;
  root_key_id: string;
}
const keks = async (more: Record<string, string> = {}): Promise<Kek[]> =>
  (await runMetavaultJson<{ data: Kek[] }>({ ...context.environment, ...more }, 'keys', 'list')).data;
const active = async (more: Record<string, string> = {}): Promise<string> =>
  (await keks(more)).find(({ state }) => state === 'active')?.id ?? '';

async function leaseStatus(key: string, tenant: string, more: Record<string, string> = {}): Promise<number> {
  const replica = await startTestReplica({
    databaseUrl: context.databaseUrl,
    environment: { ...context.environment, ...more },
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
  openContext();

  it('rotates, rewraps and retires; a key in use stays, a retired one stays retired', async () => {
    const old = await active();
    const run = (...args: string[]) => context.run('keys', ...args);
    expect(await run('retire', old)).toMatchObject({ code: 1, err: expect.stringContaining('the active key') });
    expect(await run('rotate')).toMatchObject({ code: 0, out: expect.stringContaining(`${old} still decrypts`) });
    expect(await run('retire', old)).toMatchObject({ code: 1, err: expect.stringContaining('still wraps') });
    expect(await context.json('keys', 'rewrap')).toMatchObject({ state: 'done', remaining: 0 });
    expect(await context.json('keys', 'retire', old)).toEqual({ id: old, state: 'retired' });
    expect(await run('retire', old)).toMatchObject({ code: 0 });
    expect((await run('list')).out).toMatch(new RegExp(`${old} +retired`));
  });

  it('replaces and destroys the active key if told to', async () => {
    const old = await active();
    const refused = await context.run('keys', 'destroy', old);
    expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('--yes') });
    expect(await active()).toBe(old);
    const done = await context.run('keys', 'destroy', old, '--yes');
    expect(done).toMatchObject({
      code: 0,
      out: expect.stringContaining('A backup that holds the key ring can still be decrypted'),
    });
    expect((await keks()).filter(({ state }) => state !== 'retired')).toMatchObject([{ state: 'active' }]);
  });

  it('changes the root key; killed midway, the whole ring still uses the old one', async () => {
    const [before] = await keks();
    const blocker = new pg.Client({ connectionString: context.databaseUrl });
    await blocker.connect();
    await blocker.query('BEGIN');
    await blocker.query('SELECT 1 FROM encryption_key ORDER BY id DESC LIMIT 1 FOR UPDATE');
    const { child, ended } = startMetavault({ ...context.environment, ...CHANGE }, ['keys', 'change-root']);
    const waits = `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`;
    while ((await context.sql.query(waits)).rowCount === 0) await new Promise((resolve) => setTimeout(resolve, 50));
    child.kill('SIGKILL');
    await ended;
    await blocker.query('ROLLBACK');
    await blocker.end();
    const roots = new Set((await keks()).filter(({ state }) => state !== 'retired').map((key) => key.root_key_id));
    expect(roots.size).toBe(1);
    const changed = await runMetavaultJson<{ root_key_ids: string[] }>(
      { ...context.environment, ...CHANGE },
      'keys',
      'change-root',
    );
    expect(changed.root_key_ids).toHaveLength(1);
    expect(changed.root_key_ids).not.toContain(before?.root_key_id);
    expect(await context.run('keys', 'list')).toMatchObject({ code: 1 });
    const back = { ROOT_KEY: TEST_ROOT_KEY, ROOT_KEY_PREVIOUS: NEW_ROOT_KEY };
    expect(await runMetavault({ ...context.environment, ...back }, 'keys', 'change-root')).toMatchObject({ code: 0 });
  });
});

describe('docs/runbook.md, "After a leak"', () => {
  openContext();

  it('runs from the first line to the last', async () => {
    const changed = { ...context.environment, ROOT_KEY: NEW_ROOT_KEY };
    const args = ['--name', 'a', '--role', 'service', '--tenants', '*', '--products', '*'];
    const [clientId = '', key = ''] = (await context.run('clients', 'create', ...args)).out.split('\n');
    expect(await leaseStatus(key, 'one')).toBe(201);

    const before = await context.json<{ data: { id: string }[] }>('connections', 'list', '--status', 'active');
    expect(before.data).toHaveLength(3);
    const anchor = context.file('anchor.json', (await context.run('audit', 'anchor')).out);
    const old = await active();
    const done = async (on: Record<string, string>, ...line: string[]): Promise<string> => {
      const { code, out, err } = await runMetavault(on, ...line);
      expect({ line, code, err }).toEqual({ line, code: 0, err: '' });
      return out;
    };
    await done({ ...context.environment, ...CHANGE }, 'keys', 'change-root');
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
    expect(await context.run('keys', 'list')).toMatchObject({ code: 1 });
  });
});
