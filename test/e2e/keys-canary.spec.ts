import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import request from 'supertest';
import { KeyRing, WrongRootKey } from '../../src/vault/key-ring.ts';
import { api, type ConnectStage, connectStage, goThrough } from '../support/connect.ts';
import { type FreshDatabase, freshDatabase } from '../support/database.ts';
import { startTestReplica, TEST_ADMIN_KEY } from '../support/replica.ts';
import { TEST_ROOT_KEY } from '../support/vault.ts';

let database: FreshDatabase;
let stage: ConnectStage;
const heard: string[] = [];
const secrets = new Map<string, Buffer>();
let serviceKey = '';
let isClosed = false;

async function lease(on: Pick<ConnectStage, 'replica'>, mode: 'token' | 'gateway'): Promise<request.Response> {
  return api(on, serviceKey).post('/v1/leases', { tenant: 'acme', product: 'pages', mode });
}

/** One run through what the service does, with every answer that may hold no secret kept. */
beforeAll(async () => {
  database = await freshDatabase();
  stage = await connectStage({ databaseUrl: database.url });
  await goThrough(stage);
  const client = await api(stage).post('/v1/clients', {
    name: 'canary',
    role: 'service',
    tenants: ['*'],
    products: ['*'],
    lease_modes: ['token', 'gateway'],
  });
  serviceKey = client.body.api_key;
  const [token, gateway] = [await lease(stage, 'token'), await lease(stage, 'gateway')];
  const server = stage.replica.app.getHttpServer();
  const call = await request(server).get('/graph/me').set('Authorization', `Bearer ${gateway.body.access_token}`);
  heard.push(call.text);
  for (const path of ['/v1/connections', '/v1/keys', '/v1/audit', '/v1/clients', '/metrics', '/health/ready']) {
    heard.push((await api(stage).get(path)).text);
  }
  for (const body of [{}, { tenant: 'acme', product: 'pages', access_token: token.body.access_token, more: 1 }]) {
    heard.push((await api(stage).post('/v1/connections/import', body)).text);
  }
  await api(stage).post('/v1/keys/rotate', {});
  await api(stage).post('/v1/keys/rewrap', {});
  const text = (name: string, value: string | undefined) => secrets.set(name, Buffer.from(value ?? '', 'utf8'));
  text("Meta's token", token.body.access_token);
  text('the app secret', stage.sandbox.environment()['META_APP_SECRET']);
  text('the lease token', gateway.body.access_token);
  text('the service key', serviceKey);
  text('the admin key', TEST_ADMIN_KEY);
  secrets.set('the root key', Buffer.from(TEST_ROOT_KEY, 'base64'));
  secrets.set('the active KEK', Buffer.from(stage.replica.app.get(KeyRing).activeKek().key));
});

afterAll(async () => {
  if (!isClosed) await stage?.replica.close();
  await stage?.sandbox.close();
  await database?.drop();
});

/** The secrets that stand somewhere in `text`: as they are, in base64 of both alphabets, or in hex. */
function found(text: string): string[] {
  const lower = text.toLowerCase();
  return [...secrets]
    .filter(([, secret]) => {
      const base64 = secret.toString('base64').replace(/=+$/, '');
      const forms = [secret.toString('latin1'), base64, secret.toString('base64url')];
      return forms.some((form) => text.includes(form)) || lower.includes(secret.toString('hex'));
    })
    .map(([name]) => name);
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

describe('after a run, no secret stands', () => {
  it('where the scan can not see it: every one is found where it is planted', () => {
    for (const [name, secret] of secrets) {
      expect(secret.length).toBeGreaterThanOrEqual(16);
      for (const encoding of ['latin1', 'base64', 'hex'] as const) {
        expect(found(`before ${secret.toString(encoding)} behind`)).toContain(name);
      }
    }
  });

  it('in any table', async () => {
    const text = await dump(database.url);
    expect(text).toContain('sealed_secret');
    expect(text).toContain('key.rotated');
    expect(found(text)).toEqual([]);
  });

  it('in any line of the log', () => {
    expect(stage.log.lines.length).toBeGreaterThan(5);
    expect(found(stage.log.text())).toEqual([]);
  });

  it('in any answer but those that hand one out', () => {
    expect(heard.every((text) => text.length > 0)).toBe(true);
    expect(found(heard.join('\n'))).toEqual([]);
  });
});

describe('a restored copy of the database', () => {
  it('serves with the right root key, and refuses a wrong one without a change', async () => {
    await stage.replica.close();
    isClosed = true;
    const name = new URL(database.url).pathname.slice(1);
    const admin = new pg.Client({ connectionString: database.url.replace(/[^/]+$/, 'postgres') });
    await admin.connect();
    const copy = { url: database.url.replace(/[^/]+$/, `${name}_copy`) };
    try {
      await admin.query(`CREATE DATABASE ${name}_copy TEMPLATE ${name}`);
      const before = await dump(copy.url);
      const wrong = { ROOT_KEY: Buffer.alloc(32, 8).toString('base64') };
      await expect(startTestReplica({ databaseUrl: copy.url, environment: wrong })).rejects.toThrow(WrongRootKey);
      expect(await dump(copy.url)).toBe(before);
      const replica = await startTestReplica({ databaseUrl: copy.url, overrides: { clock: stage.clock } });
      const answer = await lease({ replica }, 'token');
      expect(answer.status).toBe(201);
      expect(answer.body.access_token).toBe(secrets.get("Meta's token")?.toString());
      await replica.close();
    } finally {
      await admin.query(`DROP DATABASE IF EXISTS ${name}_copy WITH (FORCE)`);
      await admin.end();
    }
  });
});
