import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import request from 'supertest';
import { Database } from '../../src/database/database.ts';
import { SystemRandom } from '../../src/platform/random.ts';
import { SecretString } from '../../src/platform/secret-string.ts';
import { hubSignature } from '../../src/sandbox/state/callback-sender.ts';
import { decrypt, encodeFields } from '../../src/vault/aead.ts';
import { WrongRootKeyError } from '../../src/vault/keys/key-ring.ts';
import { LocalRootKey } from '../../src/vault/root-keys/local-root-key.ts';
import { canariesIn, canariesInFiles } from '../support/canary-scan.ts';
import {
  api,
  type ConnectTestContext,
  completeDialog,
  createServiceClient,
  createSession,
  openConnectTestContext,
  TestBrowser,
} from '../support/connect-test-context.ts';
import { type FreshDatabase, freshDatabase } from '../support/fresh-database.ts';
import { readRelayedEvents } from '../support/relayed-events.ts';
import { startTestReplica, TEST_ADMIN_KEY } from '../support/test-replica.ts';
import { until } from '../support/until.ts';

const ROOT_KEY = randomBytes(32).toString('base64');
const PLANTED = randomBytes(24).toString('base64url');

let database: FreshDatabase;
let context: ConnectTestContext;
let startedAtMs: number;
const heard: string[] = [];
const secrets = new Map<string, Buffer>();
let serviceKey = '';

async function lease(
  on: Pick<ConnectTestContext, 'replica'>,
  mode: 'token' | 'gateway',
  assetId?: string,
): Promise<request.Response> {
  return api(on, serviceKey).post('/v1/leases', {
    tenant: 'acme',
    product: 'pages',
    mode,
    ...(assetId === undefined ? {} : { asset_id: assetId }),
  });
}

function secret(name: string, value: string | null | undefined): void {
  if (value == null || value.length < 16) throw new Error(`${name} is no secret: ${value}`);
  secrets.set(name, Buffer.from(value, 'utf8'));
}

/** A user's way through the browser, with everything it carries. */
async function connect(): Promise<void> {
  const session = await createSession(context);
  secret('the connect link', session.connect_url.split('/').at(-1));
  const browser = new TestBrowser(context);
  const dialog = await browser.open(session.connect_url);
  secret('the state', dialog.searchParams.get('state'));
  for (const [name, value] of browser.cookies) secret(`the cookie ${name}`, value);
  const callback = await completeDialog(dialog);
  secret("Meta's code", new URL(callback).searchParams.get('code'));
  heard.push((await browser.get(callback)).text);
}

const MESSAGE = 'Could you send the order to my new address, please?';
const OTHER_MESSAGE = 'I would rather not have this read by anybody else.';

/** Meta delivers a message to a Page. */
async function relay(pageId: string, text: string): Promise<void> {
  const entry = { id: pageId, time: 1, messaging: [{ sender: { id: '4711' }, message: { mid: `m_${pageId}`, text } }] };
  const body = JSON.stringify({ object: 'page', entry: [entry] });
  await request(context.replica.app.getHttpServer())
    .post('/webhooks/meta')
    .type('json')
    .set('X-Hub-Signature-256', hubSignature(context.sandbox.app.secret, body))
    .send(body)
    .expect(200);
  expect(await readRelayedEvents(context.replica, text)).toHaveLength(1);
}

/** Exercises the whole service, and keeps every response that must not contain secrets. */
beforeAll(async () => {
  startedAtMs = Date.now();
  database = await freshDatabase();
  context = await openConnectTestContext({ databaseUrl: database.url, environment: { ROOT_KEY } });
  await connect();
  const service = await createServiceClient(context, { lease_modes: ['token', 'gateway'] });
  serviceKey = service.key;
  const [token, gateway] = [await lease(context, 'token'), await lease(context, 'gateway')];
  const connection = (await api(context).get(`/v1/connections/${token.body.connection_id}`)).body;
  const page = connection.assets.find((asset: { type: string }) => asset.type === 'page');
  secret("a Page's token", (await lease(context, 'token', page.id)).body.access_token);
  secret("Meta's token", token.body.access_token);
  secret("the proof of Meta's token", token.body.appsecret_proof);
  const server = context.replica.app.getHttpServer();
  for (const path of ['/graph/me', '/graph/me/accounts', `/graph/${page.id}`]) {
    const call = await request(server).get(path).set('Authorization', `Bearer ${gateway.body.access_token}`);
    heard.push(call.text.replaceAll(gateway.body.access_token, 'the lease itself'));
  }
  heard.push((await request(server).get('/graph/me').set('Authorization', `Bearer ${token.body.access_token}`)).text);
  secret("a customer's message", MESSAGE);
  secret('a message about an unknown Page', OTHER_MESSAGE);
  await relay(page.id, MESSAGE);
  await relay('0', OTHER_MESSAGE);
  context.clock.advance(2 * 86_400);
  heard.push((await api(context).post(`/v1/connections/${connection.id}/refresh`, {})).text);
  secret("Meta's token after a refresh", (await lease(context, 'token')).body.access_token);
  for (const body of [{}, { tenant: 'acme', product: 'pages', access_token: token.body.access_token, more: 1 }]) {
    heard.push((await api(context).post('/v1/connections/import', body)).text);
  }
  const rotated = await api(context).post(`/v1/clients/${service.id}/keys`, {});
  secret('the second service key', rotated.body.api_key);
  heard.push((await api(context, `${serviceKey}x`).get('/v1/leases/lse_1')).text);
  await api(context).post('/v1/keys/rotate', {});
  await api(context).post('/v1/keys/rewrap', {});
  for (const path of [
    '/v1/connections',
    '/v1/keys',
    '/v1/audit?limit=200',
    '/v1/clients',
    '/metrics',
    '/health/ready',
  ]) {
    heard.push((await api(context).get(path)).text);
  }
  secret('the app secret', context.sandbox.environment()['META_APP_SECRET']);
  secret('the lease token', gateway.body.access_token);
  secret('the service key', serviceKey);
  secret('the admin key', TEST_ADMIN_KEY);
  secrets.set('the root key', Buffer.from(ROOT_KEY, 'base64'));
  await addRing();
});

/** All keys of the ring and all data keys, decrypted as the service does. */
async function addRing(): Promise<void> {
  const rootKey = new LocalRootKey(new SecretString(ROOT_KEY), new SystemRandom());
  const on = context.replica.app.get(Database);
  const keks = new Map<string, Uint8Array>();
  for (const { id, purpose, wrapped } of await on.rows<{ id: string; purpose: string; wrapped: Buffer }>({
    text: 'SELECT id, purpose, wrapped FROM encryption_key',
  })) {
    const key = await rootKey.unwrap(wrapped, { service: 'metavault', key_id: id, purpose });
    keks.set(id, key);
    secrets.set(`the ${purpose} key ${id}`, Buffer.from(key));
  }
  for (const { id, kek_id, wrapped_key } of await on.rows<{ id: string; kek_id: string; wrapped_key: Buffer }>({
    text: 'SELECT id, kek_id, wrapped_key FROM sealed_secret',
  })) {
    const bound = encodeFields(['metavault data key', '1', id, kek_id]);
    const key = decrypt(keks.get(kek_id) ?? Buffer.alloc(32), wrapped_key.subarray(1), bound);
    if (key === null) throw new Error(`the data key of ${id} does not open`);
    secrets.set(`the data key of ${id}`, Buffer.from(key));
  }
}

afterAll(async () => {
  await context?.close();
  await database?.drop();
});

const found = (text: string): string[] => canariesIn(text, secrets);

async function ask(text: string): Promise<string> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    const { rows } = await client.query(text);
    return String(Object.values(rows[0] ?? {})[0]);
  } finally {
    await client.end();
  }
}

async function dump(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const tables = await client.query<{ name: string }>(
      `SELECT quote_ident(table_name) AS name FROM information_schema.tables WHERE table_schema = 'public'`,
    );
    const parts: string[] = [];
    for (const { name } of tables.rows) {
      const { rows } = await client.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`);
      parts.push(name, ...rows.map(({ row }) => row));
    }
    return parts.join('\n');
  } finally {
    await client.end();
  }
}

describe('after a run, no secret is found', () => {
  it("beyond the scan's reach: it finds each one planted, in any encoding", () => {
    expect(secrets.size).toBeGreaterThan(20);
    for (const [name, secret] of secrets) {
      const text = secret.toString('latin1');
      const planted = [
        text,
        secret.toString('hex'),
        secret.toString('hex').toUpperCase(),
        encodeURIComponent(text),
        encodeURIComponent(secret.toString('base64')),
        secret.toString('hex').replace(/../g, '%$&'),
        ...['', 'a', 'ab', 'abc'].flatMap((before) => {
          const whole = Buffer.concat([Buffer.from(before), secret, Buffer.from('behind')]);
          return [whole.toString('base64'), whole.toString('base64url')];
        }),
      ];
      for (const each of planted) expect([name, found(`before ${each} behind`).includes(name)]).toEqual([name, true]);
    }
  });

  it('in any table', async () => {
    const text = await dump(database.url);
    expect(text).toContain('sealed_secret');
    expect(text).toContain('key.rotated');
    expect(found(text)).toEqual([]);
  });

  it("in the database's files, including its write-ahead log", async () => {
    const folder = await ask('SHOW data_directory');
    const own = path.join(folder, 'base', await ask('SELECT oid FROM pg_database WHERE datname = current_database()'));
    const log = path.join(folder, 'pg_wal');
    // Only the part of the log written since this run began: other tests write, too.
    const isRecent = (file: string): boolean =>
      (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0) >= startedAtMs;
    const planted = new Map([['planted', Buffer.from(PLANTED)]]);
    let count = 0;
    // A record may be split by the end of a log page, and checkpoints remove old segments.
    await until(async () => {
      await ask(
        `INSERT INTO event (id, type, data, created_at) VALUES ('evt_planted${++count}', 'planted', '{"at": "${PLANTED}"}', now())`,
      );
      return canariesInFiles(log, planted, isRecent).length > 0;
    });
    expect(canariesInFiles(log, secrets, isRecent)).toEqual([]);
    await ask('CHECKPOINT');
    expect(canariesInFiles(own, planted)).not.toEqual([]);
    expect(canariesInFiles(own, secrets)).toEqual([]);
  });

  it('in a pg_dump, if available', async () => {
    const server = Number(await ask('SHOW server_version_num'));
    const version = spawnSync('pg_dump', ['--version'], { encoding: 'utf8' });
    const major = Number(/ (\d+)[. ]/.exec(version.stdout ?? '')?.[1] ?? 0);
    if (major < Math.floor(server / 10_000)) return;
    const { stdout } = spawnSync('pg_dump', [database.url], { encoding: 'latin1', maxBuffer: 64 * 1024 * 1024 });
    expect(stdout).toContain('COPY public.sealed_secret');
    expect(found(stdout)).toEqual([]);
  });

  it('in any line of the log', () => {
    expect(context.log.lines.length).toBeGreaterThan(5);
    expect(found(context.log.text())).toEqual([]);
  });

  it('in any response except those that issue one', () => {
    expect(found(heard.join('\n'))).toEqual([]);
  });
});

describe('a restored copy of the database', () => {
  it('serves with the right root key, and rejects a wrong one without changes', async () => {
    await context.replica.close();
    const name = new URL(database.url).pathname.slice(1);
    const admin = new pg.Client({ connectionString: database.url.replace(/[^/]+$/, 'postgres') });
    await admin.connect();
    const copy = { url: database.url.replace(/[^/]+$/, `${name}_copy`) };
    try {
      await admin.query(`CREATE DATABASE ${name}_copy TEMPLATE ${name}`);
      const before = await dump(copy.url);
      const wrong = { ROOT_KEY: Buffer.alloc(32, 8).toString('base64') };
      await expect(startTestReplica({ databaseUrl: copy.url, environment: wrong })).rejects.toThrow(WrongRootKeyError);
      expect(await dump(copy.url)).toBe(before);
      const replica = await startTestReplica({
        databaseUrl: copy.url,
        environment: { ROOT_KEY },
        overrides: { clock: context.clock },
      });
      const response = await lease({ replica }, 'token');
      expect(response.status).toBe(201);
      expect(response.body.access_token).toBe(secrets.get("Meta's token after a refresh")?.toString());
      await replica.close();
    } finally {
      await admin.query(`DROP DATABASE IF EXISTS ${name}_copy WITH (FORCE)`);
      await admin.end();
    }
  });
});
