import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import request from 'supertest';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { findPostgresTools, startToolServer, type ToolServer } from '../support/postgres-tools.ts';
import { runMetavault, runMetavaultJson } from '../support/run-metavault.ts';
import { startTestReplica } from '../support/test-replica.ts';
import { startTestSandbox } from '../support/test-sandbox.ts';
import { TEST_ROOT_KEY } from '../support/test-vault.ts';

const tools = findPostgresTools();
const reason = 'why' in tools ? ` (SKIPPED: ${tools.why})` : '';
const NEW_ROOT_KEY = Buffer.alloc(32, 11).toString('base64');
const TENANTS = ['one', 'two'];

let sandbox: Sandbox;
let server: ToolServer;
let source: string;
let serviceKey: string;
const tokens = new Map<string, string>();

/** The commands of docs/runbook.md, "Backup". */
function backUp(name: string): void {
  server.run('pg_dump', '-Fc', '--exclude-table-data=encryption_key', '-f', server.file(`${name}.vault`), source);
  backUpRing(name);
}
function backUpRing(name: string): void {
  server.run('pg_dump', '-Fc', '--data-only', '-t', 'encryption_key', '-f', server.file(`${name}.ring`), source);
}

/** The commands of "Restore". */
async function restore(vault: string, ring: string): Promise<string> {
  const url = await server.empty();
  server.run('pg_restore', '--section=pre-data', '-d', url, server.file(`${vault}.vault`));
  server.run('pg_restore', '-d', url, server.file(`${ring}.ring`));
  server.run('pg_restore', '--section=data', '--section=post-data', '-d', url, server.file(`${vault}.vault`));
  return url;
}

const on = (url: string, more: Record<string, string> = {}): Record<string, string> => ({
  ...sandbox.environment(),
  DATABASE_URL: url,
  ...more,
});

/** All rows of all tables. */
async function content(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const tables = await client.query<{ name: string }>(
    `SELECT quote_ident(table_name) AS name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1`,
  );
  const parts: string[] = [];
  for (const { name } of tables.rows) {
    const { rows } = await client.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t ORDER BY 1`);
    parts.push(name, ...rows.map(({ row }) => row));
  }
  await client.end();
  return parts.join('\n');
}

/** What a lease in token mode returns for each tenant, on a replica of that database. */
async function leases(url: string, more: Record<string, string> = {}): Promise<{ status: number; token?: string }[]> {
  const replica = await startTestReplica({ databaseUrl: url, environment: on(url, more) });
  try {
    const responses = [];
    for (const tenant of TENANTS) {
      const response = await request(replica.app.getHttpServer())
        .post('/v1/leases')
        .set('Authorization', `Bearer ${serviceKey}`)
        .send({ tenant, product: 'pages', mode: 'token' });
      responses.push({ status: response.status, token: response.body.access_token as string });
    }
    return responses;
  } finally {
    await replica.close();
  }
}

const served = (): { status: number; token?: string }[] =>
  TENANTS.map((tenant) => ({ status: 201, token: tokens.get(tenant) ?? '' }));

beforeAll(async () => {
  if ('why' in tools) return;
  sandbox = await startTestSandbox();
  server = await startToolServer(tools);
  source = await server.empty();
  const rows = TENANTS.map((tenant) => {
    const { id } = sandbox.state.make.user({ kind: 'user' });
    return { tenant, product: 'pages', access_token: sandbox.state.make.token({ userId: id }).accessToken };
  });
  const file = server.file('rows.jsonl');
  writeFileSync(file, rows.map((row) => JSON.stringify(row)).join('\n'));
  expect(await runMetavault(on(source), 'import', file)).toMatchObject({ code: 0 });
  const args = ['--name', 'a', '--role', 'service', '--tenants', '*', '--products', '*', '--lease-modes', 'token'];
  serviceKey = (await runMetavault(on(source), 'clients', 'create', ...args)).out.split('\n')[1] ?? '';
  for (const [index, { token = '' }] of (await leases(source)).entries()) tokens.set(TENANTS[index] ?? '', token);
  backUp('first');
  writeFileSync(server.file('anchor.json'), (await runMetavault(on(source), 'audit', 'anchor')).out);
});
afterAll(async () => {
  await server?.stop();
  await sandbox?.close();
});

const check = 'why' in tools ? it.skip : it;

describe(`a backup by pg_dump${reason}`, () => {
  check('restored with its root key serves everything, and its audit log verifies', async () => {
    const url = await restore('first', 'first');
    expect((await runMetavault(on(url), 'audit', 'verify')).code).toBe(0);
    expect(await leases(url)).toEqual(served());
  });

  check('shows against an anchor that the audit log went on after it', async () => {
    const url = await restore('first', 'first');
    const verify = await runMetavault(on(url), 'audit', 'verify', '--anchor', server.file('anchor.json'));
    // The anchor is newer than the dump; whether an entry lies between them depends on timing.
    expect([0, 1]).toContain(verify.code);
    await leases(source);
    const later = server.file('later.json');
    writeFileSync(later, (await runMetavault(on(source), 'audit', 'anchor')).out);
    const behind = await runMetavault(on(url), 'audit', 'verify', '--anchor', later);
    expect(behind).toMatchObject({ code: 1, out: expect.stringContaining('cut_off') });
  });

  check('is refused with another root key, by fingerprint, and left unchanged', async () => {
    const url = await restore('first', 'first');
    const before = await content(url);
    const { code, err } = await runMetavault(on(url, { ROOT_KEY: NEW_ROOT_KEY }), 'keys', 'list');
    expect(code).toBe(1);
    expect(err).toMatch(/needs the root key with fingerprint local:\w+, but got local:\w+/);
    expect(await content(url)).toBe(before);
  });

  check('from before a root key change needs the old key, and moves on with it as the previous one', async () => {
    const url = await restore('first', 'first');
    const changed = { ROOT_KEY: NEW_ROOT_KEY, ROOT_KEY_PREVIOUS: TEST_ROOT_KEY };
    expect(await runMetavault(on(url, changed), 'keys', 'change-root')).toMatchObject({ code: 0 });
    expect((await runMetavault(on(url), 'keys', 'list')).code).toBe(1);
    expect(await leases(url, { ROOT_KEY: NEW_ROOT_KEY })).toEqual(served());
  });

  check('becomes unreadable once its KEK is destroyed, if the key ring is stored separately', async () => {
    const { data } = await runMetavaultJson<{ data: { id: string; state: string }[] }>(on(source), 'keys', 'list');
    const old = data.find(({ state }) => state === 'active')?.id ?? '';
    expect(await runMetavault(on(source), 'keys', 'destroy', old, '--yes')).toMatchObject({ code: 0 });
    expect(await leases(source)).toEqual(served());
    backUpRing('later');
    const url = await restore('first', 'later');
    for (const { status, token } of await leases(url)) {
      expect(status).toBeGreaterThanOrEqual(400);
      expect(token).toBeUndefined();
    }
    // An old copy of the ring still opens with the old root key, so such a dump must not be kept.
    expect(await leases(await restore('first', 'first'))).toEqual(served());
  });
});
