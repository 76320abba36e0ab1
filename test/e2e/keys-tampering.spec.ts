import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import request from 'supertest';
import {
  api,
  type ConnectTestContext,
  completeConnect,
  createServiceClient,
  openConnectTestContext,
} from '../support/connect-test-context.ts';
import { type FreshDatabase, freshDatabase } from '../support/fresh-database.ts';

let database: FreshDatabase;
let context: ConnectTestContext;
/** Somebody with write access to the database, but no key. */
let intruder: pg.Client;
let serviceKey = '';
let credentialId = '';
/** Every Meta token ever served. */
const tokens = new Set<string>();

beforeAll(async () => {
  database = await freshDatabase();
  context = await openConnectTestContext({ databaseUrl: database.url });
  intruder = new pg.Client({ connectionString: database.url });
  await intruder.connect();
  await completeConnect(context);
  await completeConnect(context, { tenant: 'other' });
  serviceKey = (await createServiceClient(context, { lease_modes: ['token', 'gateway'] })).key;
  const first = await lease('acme', 'token');
  credentialId = first.body.credential_id;
  tokens.add(first.body.access_token);
  // A second version, so that there is an older one to replay.
  await intruder.query('CREATE TABLE older_secret AS SELECT * FROM sealed_secret');
  await intruder.query('CREATE TABLE older_credential AS SELECT * FROM credential');
  context.clock.advance(2 * 86_400);
  expect((await api(context).post(`/v1/connections/${first.body.connection_id}/refresh`, {})).status).toBe(200);
  const second = await lease('acme', 'token');
  expect(second.body.credential_version).toBeGreaterThan(first.body.credential_version);
  tokens.add(second.body.access_token);
  tokens.add((await lease('other', 'token')).body.access_token);
  expect((await api(context).post('/v1/keys/rotate', {})).status).toBe(201);
  for (const table of ['sealed_secret', 'credential', 'connection']) {
    await intruder.query(`CREATE TABLE kept_${table} AS SELECT * FROM ${table}`);
  }
});

/** Restores the state before the test. */
afterEach(async () => {
  await intruder.query(`UPDATE sealed_secret s SET kek_id = k.kek_id, wrapped_key = k.wrapped_key, ciphertext = k.ciphertext
    FROM kept_sealed_secret k WHERE k.id = s.id`);
  await intruder.query(`UPDATE credential c SET secret_id = k.secret_id, kind = k.kind, version = k.version, connection_id = k.connection_id,
    is_root = k.is_root FROM kept_credential k WHERE k.id = c.id`);
  await intruder.query('UPDATE connection SET tenant = id');
  await intruder.query('UPDATE connection c SET tenant = k.tenant FROM kept_connection k WHERE k.id = c.id');
  // The alert reports each credential once a minute.
  context.clock.advance(61);
  for (const tenant of ['acme', 'other'])
    expect([tenant, (await lease(tenant, 'token')).status]).toEqual([tenant, 201]);
});

afterAll(async () => {
  await intruder?.end();
  await context?.close();
  await database?.drop();
});

function lease(tenant: string, mode: 'token' | 'gateway'): request.Test {
  return api(context, serviceKey).post('/v1/leases', { tenant, product: 'pages', mode });
}

function graphCall(leaseToken: string): request.Test {
  return request(context.replica.app.getHttpServer()).get('/graph/me').set('Authorization', `Bearer ${leaseToken}`);
}

async function alarms(): Promise<number> {
  const { text } = await request(context.replica.app.getHttpServer()).get('/metrics');
  return Number(/^metavault_unreadable_credentials_total (\d+)$/m.exec(text)?.[1] ?? 'NaN');
}

async function alarmEntries(): Promise<{ subject_id: string }[]> {
  return (await api(context).get('/v1/audit?action=credential.seal_broken&limit=200')).body.data;
}

/** In both modes `tenant`'s token is refused with our error and reported, nothing leaks, and others are served. */
async function expectRefused(tenant: string, untouched: string | null): Promise<void> {
  const before = { metric: await alarms(), entries: (await alarmEntries()).length, log: context.log.lines.length };
  const token = await lease(tenant, 'token');
  expect([token.status, token.body.code]).toEqual([503, 'credential_unreadable']);
  const gateway = await lease(tenant, 'gateway');
  expect(gateway.status).toBe(201);
  const call = await graphCall(gateway.body.access_token);
  expect([call.status, call.body.error.error_data.code]).toEqual([503, 'credential_unreadable']);
  expect(await alarms()).toBe(before.metric + 2);
  expect(await alarmEntries()).toHaveLength(before.entries + 1);
  const said = [token.text, call.text, JSON.stringify(context.log.lines.slice(before.log))].join('\n');
  for (const secret of tokens) expect(said).not.toContain(secret);
  if (untouched !== null) {
    const other = await lease(untouched, 'token');
    expect([other.status, tokens.has(other.body.access_token)]).toEqual([201, true]);
    const theirs = await lease(untouched, 'gateway');
    expect((await graphCall(theirs.body.access_token)).status).toBe(200);
  }
}

const ACME = `(SELECT k.secret_id FROM credential k JOIN connection c ON c.id = k.connection_id WHERE k.is_root AND c.tenant = 'acme')`;
const OTHER = `(SELECT k.secret_id FROM credential k JOIN connection c ON c.id = k.connection_id WHERE k.is_root AND c.tenant = 'other')`;

/** The columns of the other tenant's sealed token in place of this one's. */
const taken = (...columns: string[]): string =>
  `UPDATE sealed_secret a SET ${columns.map((column) => `${column} = b.${column}`).join(', ')} FROM sealed_secret b
    WHERE a.id = ${ACME} AND b.id = ${OTHER}`;
const flipped = (column: string, at: string): string =>
  `UPDATE sealed_secret SET ${column} = set_byte(${column}, ${at}, get_byte(${column}, ${at}) # 1) WHERE id = ${ACME}`;

describe('tampering with the database makes no token usable', () => {
  it.each([
    ["another tenant's ciphertext", taken('ciphertext')],
    ["another tenant's ciphertext and data key", taken('ciphertext', 'wrapped_key', 'kek_id')],
    ["another tenant's data key", taken('wrapped_key', 'kek_id')],
    ["a pointer to another tenant's token", `UPDATE credential SET secret_id = ${OTHER} WHERE secret_id = ${ACME}`],
    ['a flipped bit in the version', flipped('ciphertext', '0')],
    ['a flipped bit in the nonce', flipped('ciphertext', '5')],
    ['a flipped bit in the tag', flipped('ciphertext', 'octet_length(ciphertext) - 1')],
    ['a flipped bit in the data key', flipped('wrapped_key', '40')],
    ['a truncated ciphertext', `UPDATE sealed_secret SET ciphertext = substr(ciphertext, 1, 30) WHERE id = ${ACME}`],
    ['an empty ciphertext', `UPDATE sealed_secret SET ciphertext = '' WHERE id = ${ACME}`],
    [
      'another key-encryption key',
      `UPDATE sealed_secret SET kek_id = (SELECT id FROM encryption_key WHERE purpose = 'data' AND state = 'active') WHERE id = ${ACME}`,
    ],
    [
      'the key of the audit chain in place of a key-encryption key',
      `UPDATE sealed_secret SET kek_id = (SELECT id FROM encryption_key WHERE purpose = 'audit') WHERE id = ${ACME}`,
    ],
    ['another kind', `UPDATE credential SET kind = 'system_user' WHERE secret_id = ${ACME}`],
    ['another version', `UPDATE credential SET version = version + 1 WHERE secret_id = ${ACME}`],
    [
      "the previous version's sealed token in this version's row",
      `UPDATE sealed_secret s SET kek_id = o.kek_id, wrapped_key = o.wrapped_key, ciphertext = o.ciphertext
        FROM older_secret o, older_credential c WHERE s.id = ${ACME} AND o.id = c.secret_id AND c.id = $1`,
    ],
  ])('%s', async (_, statement) => {
    const { rowCount } = await intruder.query(statement, statement.includes('$1') ? [credentialId] : []);
    expect(rowCount).toBe(1);
    await expectRefused('acme', 'other');
  });

  it("the previous version's row, restored completely", async () => {
    await intruder.query(`INSERT INTO sealed_secret SELECT o.* FROM older_secret o JOIN older_credential c ON c.secret_id = o.id
      WHERE c.id = '${credentialId}' ON CONFLICT DO NOTHING`);
    await intruder.query(`UPDATE credential k SET secret_id = o.secret_id FROM older_credential o
      WHERE k.id = o.id AND k.id = '${credentialId}'`);
    await expectRefused('acme', 'other');
  });

  it("a connection moved to the intruder's tenant", async () => {
    await intruder.query(`UPDATE connection SET tenant = 'intruder' WHERE tenant = 'acme'`);
    await expectRefused('intruder', 'other');
  });

  it('two swapped connections', async () => {
    await intruder.query(`UPDATE connection SET tenant = CASE tenant WHEN 'acme' THEN 'aside' ELSE tenant END`);
    await intruder.query(`UPDATE connection SET tenant = 'acme' WHERE tenant = 'other'`);
    await intruder.query(`UPDATE connection SET tenant = 'other' WHERE tenant = 'aside'`);
    await expectRefused('acme', null);
    context.clock.advance(61);
    await expectRefused('other', null);
  });

  it('is in the audit log, which names the credential', async () => {
    await intruder.query(flipped('ciphertext', '0'));
    await expectRefused('acme', null);
    const [entry] = await alarmEntries();
    expect(entry).toMatchObject({
      actor: { kind: 'system', id: null },
      product: 'pages',
      subject_id: expect.stringMatching(/^crd_/),
      details: { secret_id: expect.stringMatching(/^sec_/), lease_id: expect.stringMatching(/^lse_/) },
    });
    expect((await api(context).get('/v1/audit/verify')).body.valid).toBe(true);
  });
});
