import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import type { ConnectionResponse } from '../../src/connections/connection/connection-response.dto.ts';
import { Database } from '../../src/database/database.ts';
import { Sweep } from '../../src/lifecycle/sweeps/sweep.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { hubSignature } from '../../src/sandbox/state/callback-sender.ts';
import { type ChildReplica, startChildReplica } from '../support/child-replica.ts';
import { startTestReplica, TEST_ADMIN_KEY, type TestReplica } from '../support/test-replica.ts';
import { startTestSandbox } from '../support/test-sandbox.ts';
import { until } from '../support/until.ts';

const SECRET = 'b'.repeat(32);
const FRESH = 'd'.repeat(32);
const CLAIM_SECONDS = 2;
const HEADERS = { authorization: `Bearer ${TEST_ADMIN_KEY}`, 'content-type': 'application/json' };

let sandbox: Sandbox;
let origin: TestReplica & { url: string };
let database: Database;
let locker: pg.Client;
/** Sees current activity; within a transaction, it would keep seeing the same. */
let observer: pg.Client;
let count = 0;

beforeAll(async () => {
  sandbox = await startTestSandbox();
  const environment = { ...sandbox.environment(), CLAIM_SECONDS: String(CLAIM_SECONDS), PORT: '0' };
  const replica = await startTestReplica({ environment });
  origin = Object.assign(replica, { url: await replica.listen() });
  database = origin.app.get(Database);
  locker = new pg.Client({ connectionString: origin.databaseUrl });
  observer = new pg.Client({ connectionString: origin.databaseUrl });
  await Promise.all([locker.connect(), observer.connect()]);
});
afterEach(() => sandbox.state.faults.clear());
afterAll(async () => {
  await locker?.end();
  await observer?.end();
  await origin?.close();
  await sandbox?.close();
});

const startReplica = (): Promise<ChildReplica> =>
  startChildReplica({
    ...sandbox.environment(),
    DATABASE_URL: origin.databaseUrl,
    CLAIM_SECONDS: String(CLAIM_SECONDS),
    PORT: '0',
  });

type Answer = { status: number; body: Record<string, unknown> };
async function send(replica: { url: string }, method: string, path: string, body?: object): Promise<Answer> {
  const init = { method, headers: HEADERS, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
  const response = await fetch(`${replica.url}${path}`, init);
  const text = await response.text();
  return { status: response.status, body: text === '' ? {} : (JSON.parse(text) as Answer['body']) };
}

/** An app at Meta, with the body that adds it here. */
function appAtMeta(): { id: string; tenant: string; body: Record<string, unknown> } {
  const id = String(750_000_000_000 + ++count);
  sandbox.state.make.app({ id, secret: SECRET });
  const tenant = `killed-${count}`;
  return { id, tenant, body: { app_id: id, app_secret: SECRET, name: `App ${id}`, tenants: [tenant] } };
}

/** Everything that changes of apps write. Payload keys do not count: they come and go with webhooks. */
async function stored(id: string) {
  const [row] = await database.rows<{ version: number | null; secrets: number; entries: string[] }>({
    text: `SELECT (SELECT version FROM meta_app WHERE app_id = $1) AS version,
        (SELECT count(*)::integer FROM sealed_secret s
          WHERE NOT EXISTS (SELECT 1 FROM payload_key p WHERE p.secret_id = s.id)) AS secrets,
        (SELECT coalesce(array_agg(action ORDER BY id), '{}') FROM audit_entry WHERE subject_id = $1) AS entries`,
    values: [id],
  });
  if (row === undefined) throw new Error('nothing was counted');
  return row;
}

const webhook = async (replica: { url: string }, id: string, secret: string): Promise<number> => {
  const body = JSON.stringify({ object: 'page', entry: [{ id: '1', time: ++count, changes: [] }] });
  const headers = { 'content-type': 'application/json', 'x-hub-signature-256': hubSignature(secret, body) };
  return (await fetch(`${replica.url}/webhooks/meta/${id}`, { method: 'POST', headers, body })).status;
};

/** A step at which a change is killed: `waitUntilHeld` resolves once the change has been stopped there. */
interface Hold {
  waitUntilHeld(): Promise<unknown>;
  release(): Promise<unknown>;
}

async function holdAtMeta(): Promise<Hold> {
  const match = { grantType: 'client_credentials' };
  const rule = sandbox.state.faults.add({ fault: { kind: 'delay', delayMs: 5_000 }, match, times: 1 });
  return {
    waitUntilHeld: () => until(() => rule.struck === 1),
    release: async () => sandbox.state.faults.clear(),
  };
}

/** Locks the table until `release`. `statement`: the change's statement that waits for it, as a LIKE pattern. */
const holdAt = (table: string, statement: string) => async (): Promise<Hold> => {
  await locker.query('BEGIN');
  await locker.query(`LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
  const isWaiting = async () => {
    const { rows } = await observer.query(
      `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE $1`,
      [statement],
    );
    return rows.length > 0;
  };
  return { waitUntilHeld: () => until(isWaiting), release: () => locker.query('ROLLBACK') };
};

/** Kills a replica of its own in the middle of a change, and waits until the database has let go of it. */
async function killDuring(hold: () => Promise<Hold>, change: (replica: ChildReplica) => Promise<unknown>) {
  const replica = await startReplica();
  const held = await hold();
  try {
    const answer = change(replica).catch(() => null);
    await held.waitUntilHeld();
    await replica.kill();
    await answer;
  } finally {
    await replica.kill();
    await held.release();
  }
  await until(async () => {
    const { rows } = await observer.query(
      `SELECT 1 FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND (state LIKE 'idle in%' OR wait_event_type = 'Lock')`,
    );
    return rows.length === 0;
  });
}

/** The steps of each change, and whether it has committed at that step. */
const STEPS: [string, () => Promise<Hold>, boolean][] = [
  ['while Meta is asked', holdAtMeta, false],
  ['before its first statement', holdAt('meta_app', '%FROM meta_app%'), false],
  ['before its audit entry', holdAt('audit_entry', '%INSERT INTO audit_entry%'), false],
  ['after its commit', holdAt('connection', '%count(*)%FROM connection%GROUP BY app_id%'), true],
];

describe('kill -9 during a change of an app', () => {
  // The check whether the ids are new reads meta_app before Meta is asked.
  it.each(STEPS)('an addition is whole or not there: %s', async (_, hold, isDone) => {
    const { id, body } = appAtMeta();
    const before = await stored(id);
    await killDuring(hold, (replica) => send(replica, 'POST', '/v1/apps', body));
    const left = await stored(id);
    expect(left).toEqual(
      isDone ? { version: 1, secrets: before.secrets + 2, entries: ['app.created'] } : { ...before, version: null },
    );
    const again = await send(origin, 'POST', '/v1/apps', body);
    expect([again.status, again.body['code']]).toEqual(isDone ? [409, 'app_exists'] : [201, undefined]);
    expect(await stored(id)).toEqual({ version: 1, secrets: before.secrets + 2, entries: ['app.created'] });
    expect(await webhook(origin, id, SECRET)).toBe(200);
  });

  it.each(STEPS)('a new secret is in use everywhere or nowhere: %s', async (_, hold, isDone) => {
    const { id, body } = appAtMeta();
    await send(origin, 'POST', '/v1/apps', body);
    const before = await stored(id);
    sandbox.state.patchApp(id, { secret: FRESH });
    const rotation = { app_secret: FRESH, grace_seconds: 0 };
    await killDuring(hold, (replica) => send(replica, 'POST', `/v1/apps/${id}/secret`, rotation));
    const after = { version: 2, secrets: before.secrets, entries: ['app.created', 'app.secret_rotated'] };
    expect(await stored(id)).toEqual(isDone ? after : before);
    expect(await webhook(origin, id, SECRET)).toBe(isDone ? 401 : 200);
    expect(await webhook(origin, id, FRESH)).toBe(isDone ? 200 : 401);
    expect((await send(origin, 'POST', `/v1/apps/${id}/secret`, rotation)).status).toBe(200);
    expect((await stored(id)).secrets).toBe(before.secrets);
    expect([await webhook(origin, id, SECRET), await webhook(origin, id, FRESH)]).toEqual([401, 200]);
  });

  it.each([
    ['before its first statement', holdAt('meta_app', '%FROM meta_app%')],
    ['while it is looked for logins under way', holdAt('pending_authorization', '%FROM pending_authorization%')],
    ['before its audit entry', holdAt('audit_entry', '%INSERT INTO audit_entry%')],
  ])('a deletion is whole or did not happen: %s', async (_, hold) => {
    const { id, body } = appAtMeta();
    const clean = await stored(id);
    await send(origin, 'POST', '/v1/apps', body);
    const before = await stored(id);
    await killDuring(hold, (replica) => send(replica, 'DELETE', `/v1/apps/${id}`));
    expect(await stored(id)).toEqual(before);
    expect(await webhook(origin, id, SECRET)).toBe(200);
    expect((await send(origin, 'DELETE', `/v1/apps/${id}`)).status).toBe(204);
    expect(await stored(id)).toEqual({ ...clean, entries: ['app.created', 'app.deleted'] });
    expect(await webhook(origin, id, SECRET)).toBe(404);
  });

  it('a refresh under way when the secret changes, on a replica that dies, is not lost', async () => {
    const { id: appId, tenant, body } = appAtMeta();
    await send(origin, 'POST', '/v1/apps', body);
    const { id: userId } = sandbox.state.make.user({ kind: 'user' });
    const token = sandbox.state.make.token({ userId, appId, longLived: true, expiresIn: 3 * 86_400 });
    const supplied = { tenant, product: 'pages', access_token: token.accessToken };
    const { body: made } = await send(origin, 'POST', '/v1/connections/import', supplied);
    const { id } = made as unknown as ConnectionResponse;
    const replica = await startReplica();
    const rule = sandbox.state.faults.add({
      fault: { kind: 'delay', delayMs: 5_000 },
      match: { grantType: 'fb_exchange_token', userId },
      times: 1,
    });
    const refreshing = send(replica, 'POST', `/v1/connections/${id}/refresh`).catch(() => null);
    await until(() => rule.struck === 1);
    sandbox.state.patchApp(appId, { secret: FRESH });
    expect((await send(origin, 'POST', `/v1/apps/${appId}/secret`, { app_secret: FRESH })).status).toBe(200);
    await replica.kill();
    await refreshing;
    const refreshed = await until(
      async () => {
        await origin.app.get(Sweep).refresh();
        return (await send(origin, 'GET', `/v1/connections/${id}`)).body as unknown as ConnectionResponse;
      },
      ({ credentials }) => credentials[0]?.version === 2,
    );
    expect(refreshed).toMatchObject({ status: 'active', credentials: [{ failure: null }] });
  });
});
