import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { BOOTSTRAP_CLIENT_ID } from '../../../src/clients/bootstrap-admin.ts';
import { startAuthApp } from '../../support/auth-app.ts';
import { type AuthTestContext, openAuthTestContext } from '../../support/auth-test-context.ts';
import { FakeClock } from '../../support/fake-clock.ts';

let access: AuthTestContext;
const clock = new FakeClock();

beforeAll(async () => {
  access = await openAuthTestContext(clock);
});
afterAll(() => access?.close());

const SERVICE = { name: 'shop', role: 'service', tenants: ['acme'], products: ['whatsapp', 'ads'] };
const IDENTITY = { issuer: 'https://issuer.example', audience: 'metavault', subject: 'system:serviceaccount:shop:api' };
const NOBODY = `cli_${'z'.repeat(26)}`;

const send = (...call: Parameters<AuthTestContext['send']>) => access.send(...call);
const create = (body: object | string) => send('post', '/v1/clients', body);

const entries = (subjectId: string) =>
  access.database.rows<{ action: string; actor_id: string; request_id: string; details: object }>({
    text: 'SELECT action, actor_id, request_id, details FROM audit_entry WHERE subject_id = $1 ORDER BY id',
    values: [subjectId],
  });

async function countClients(): Promise<number> {
  const [row] = await access.database.rows<{ count: number }>({ text: 'SELECT count(*)::int AS count FROM client' });
  return row?.count ?? 0;
}

describe('POST /v1/clients', () => {
  it('201: returns the client and, only once, its key, and records both without the key', async () => {
    const response = await create({
      ...SERVICE,
      lease_modes: ['gateway', 'token'],
      max_ttl_seconds: 60,
      rate_limit_per_second: 5,
    });
    expect(response.status).toBe(201);
    const { api_key: key, api_key_expires_at: keyEnd, ...client } = response.body;
    expect(keyEnd).toBeNull();
    expect(key).toMatch(/^mtv_[0-9A-Za-z]{49}$/);
    expect(client).toEqual({
      ...SERVICE,
      id: expect.stringMatching(/^cli_[0-9a-z]{26}$/),
      lease_modes: ['gateway', 'token'],
      max_ttl_seconds: 60,
      rate_limit_per_second: 5,
      allow: null,
      ip_allow_list: null,
      identities: [],
      created_at: clock.now().toISOString(),
      last_used_at: null,
    });
    const [entry, ...more] = await entries(client.id);
    expect(more).toEqual([]);
    expect(entry).toMatchObject({
      action: 'client.created',
      actor_id: BOOTSTRAP_CLIENT_ID,
      request_id: response.headers['x-request-id'],
      details: { role: 'service', tenants: ['acme'] },
    });
    expect(JSON.stringify(entry)).not.toContain(key);
    expect((await send('get', '/v1/clients', undefined, key)).body.code).toBe('forbidden');
  });

  it('201: fields left out have defaults', async () => {
    const service = (await create({ ...SERVICE, tenants: ['*'] })).body;
    expect(service).toMatchObject({ lease_modes: ['gateway'], max_ttl_seconds: 3600, rate_limit_per_second: null });
    const auditor = (await create({ name: 'auditor', role: 'auditor' })).body;
    expect(auditor).toMatchObject({ tenants: ['*'], products: ['*'] });
  });

  it('400: names missing, invalid and unknown fields, and writes nothing', async () => {
    const before = await countClients();
    const faults: [object, string][] = [
      [{}, 'name'],
      [{ ...SERVICE, name: 7 }, 'name'],
      [{ ...SERVICE, name: '' }, 'name'],
      [{ ...SERVICE, name: ' \t ' }, 'name'],
      [{ ...SERVICE, name: 'a\u0000b' }, 'name'],
      [{ ...SERVICE, name: 'a\u001b[31m' }, 'name'],
      [{ ...SERVICE, name: '\ud800' }, 'name'],
      [{ ...SERVICE, name: 'x'.repeat(201) }, 'name'],
      [{ ...SERVICE, name: null }, 'name'],
      [{ ...SERVICE, role: 'root' }, 'role'],
      [{ ...SERVICE, role: ['admin'] }, 'role'],
      [{ ...SERVICE, tenants: undefined }, 'tenants'],
      [{ ...SERVICE, tenants: null }, 'tenants'],
      [{ ...SERVICE, tenants: [] }, 'tenants'],
      [{ ...SERVICE, tenants: 'acme' }, 'tenants'],
      [{ ...SERVICE, tenants: { 0: 'acme' } }, 'tenants'],
      [{ ...SERVICE, tenants: ['a b'] }, 'tenants'],
      [{ ...SERVICE, tenants: ['a\u0000'] }, 'tenants'],
      [{ ...SERVICE, tenants: ['acme\n'] }, 'tenants'],
      [{ ...SERVICE, tenants: [['acme']] }, 'tenants'],
      [{ ...SERVICE, tenants: [null] }, 'tenants'],
      [{ ...SERVICE, tenants: ['a', 'a'] }, 'tenants'],
      [{ ...SERVICE, tenants: Array.from({ length: 10_001 }, (_, index) => `t${index}`) }, 'tenants'],
      [{ ...SERVICE, products: undefined }, 'products'],
      [{ ...SERVICE, products: ['facebook'] }, 'products'],
      [{ ...SERVICE, lease_modes: ['free'] }, 'lease_modes'],
      [{ ...SERVICE, lease_modes: [] }, 'lease_modes'],
      [{ ...SERVICE, max_ttl_seconds: 0 }, 'max_ttl_seconds'],
      [{ ...SERVICE, max_ttl_seconds: 3601 }, 'max_ttl_seconds'],
      [{ ...SERVICE, max_ttl_seconds: 1.5 }, 'max_ttl_seconds'],
      [{ ...SERVICE, max_ttl_seconds: '60' }, 'max_ttl_seconds'],
      [{ ...SERVICE, max_ttl_seconds: null }, 'max_ttl_seconds'],
      [{ ...SERVICE, rate_limit_per_second: 0 }, 'rate_limit_per_second'],
      [{ ...SERVICE, rate_limit_per_second: 1e300 }, 'rate_limit_per_second'],
      [{ ...SERVICE, id: 'cli_mine' }, 'id'],
      [{ ...SERVICE, api_key: 'mine' }, 'api_key'],
      [{ ...SERVICE, policy_version: 7 }, 'policy_version'],
      [{ ...SERVICE, allow: 'GET /me' }, 'allow'],
      [{ ...SERVICE, allow: ['GET /me', 'get /me'] }, 'allow'],
      [{ ...SERVICE, allow: [7] }, 'allow'],
      [{ ...SERVICE, allow: 7 }, 'allow'],
      [{ ...SERVICE, allow: { ads: ['GET me'] } }, 'allow.ads'],
      [{ ...SERVICE, allow: { ads: 'GET /me' } }, 'allow'],
      [{ ...SERVICE, allow: { facebook: ['GET /me'] } }, 'allow'],
      [{ ...SERVICE, allow: Array.from({ length: 201 }, (_, index) => `GET /${index}`) }, 'allow'],
      [{ ...SERVICE, allow: ['GET /me'], lease_modes: ['gateway', 'token'] }, 'allow'],
      [{ ...SERVICE, ip_allow_list: [] }, 'ip_allow_list'],
      [{ ...SERVICE, ip_allow_list: '10.0.0.0/8' }, 'ip_allow_list'],
      [{ ...SERVICE, ip_allow_list: ['10.0.0.0/33'] }, 'ip_allow_list'],
      [{ ...SERVICE, ip_allow_list: ['10.0.0.0/8', 7] }, 'ip_allow_list'],
      [{ ...SERVICE, identities: {} }, 'identities'],
      [{ ...SERVICE, identities: ['x'] }, 'identities'],
      [{ ...SERVICE, identities: [null] }, 'identities'],
      [{ ...SERVICE, identities: [[]] }, 'identities'],
      [{ ...SERVICE, ip_allow_list: [null] }, 'ip_allow_list'],
      [{ ...SERVICE, allow: [null, {}] }, 'allow'],
      [{ ...SERVICE, identities: [{ ...IDENTITY, issuer: 'issuer.example' }] }, 'identities[0].issuer'],
      [{ ...SERVICE, identities: [{ ...IDENTITY, subject: '' }] }, 'identities[0].subject'],
      [{ ...SERVICE, identities: [{ ...IDENTITY, audience: undefined }] }, 'identities[0].audience'],
      [{ ...SERVICE, identities: [{ ...IDENTITY, more: 1 }] }, 'identities[0].more'],
      [{ ...SERVICE, identities: [IDENTITY, IDENTITY] }, 'identities'],
      [{ ...SERVICE, expires_in_seconds: 0 }, 'expires_in_seconds'],
      [{ ...SERVICE, expires_in_seconds: null }, 'expires_in_seconds'],
      [{ ...SERVICE, expires_at: 'tomorrow' }, 'expires_at'],
      [{ ...SERVICE, expires_at: '2020-01-01T00:00:00Z' }, 'expires_at'],
      [{ ...SERVICE, expires_at: '2099-01-01T00:00:00Z', expires_in_seconds: 5 }, 'expires_at'],
    ];
    for (const [body, path] of faults) {
      const response = await create(body);
      expect([JSON.stringify(body).slice(0, 80), response.status]).toEqual([JSON.stringify(body).slice(0, 80), 400]);
      expect(response.body.code).toBe('invalid_request');
      const paths: string[] = response.body.errors.map((error: { path: string }) => error.path.replace(/\[\d+\]$/, ''));
      expect(paths).toContain(path);
    }
    for (const body of ['[]', '"x"', '7', 'null', '{', '{"name":"a","__proto__":{"role":"admin"}}']) {
      expect([body, (await create(body)).status]).toEqual([body, 400]);
    }
    expect(await countClients()).toBe(before);
  });
});

describe('GET /v1/clients', () => {
  it('200: pages list each client once by id, without deleted ones', async () => {
    const gone = (await create(SERVICE)).body.id as string;
    await send('delete', `/v1/clients/${gone}`).expect(204);
    for (let count = 0; count < 3; count++) await create(SERVICE);
    const seen: string[] = [];
    let cursor = '';
    for (;;) {
      const page = (await send('get', `/v1/clients?limit=2${cursor}`).expect(200)).body;
      seen.push(...page.data.map((client: { id: string }) => client.id));
      for (const client of page.data) expect(Object.keys(client)).not.toContain('api_key');
      if (page.next_cursor === null) break;
      cursor = `&cursor=${page.next_cursor}`;
    }
    expect(seen).toEqual([...new Set(seen)].sort());
    expect(seen).toContain(BOOTSTRAP_CLIENT_ID);
    expect(seen).not.toContain(gone);
    expect(seen.length).toBe((await send('get', '/v1/clients?limit=200')).body.data.length);
  });

  it('400: an invalid limit or cursor', async () => {
    for (const query of [
      'limit=0',
      'limit=201',
      'limit=x',
      'limit=1.5',
      'limit=',
      'cursor=x',
      'cursor=%00',
      'limit=1&limit=2',
    ]) {
      expect([query, (await send('get', `/v1/clients?${query}`)).status]).toEqual([query, 400]);
    }
  });

  it('200, 404: one client, with the times of its keys', async () => {
    const { id, api_key: _, api_key_expires_at: __, ...client } = (await create(SERVICE)).body;
    const shown = await send('get', `/v1/clients/${id}`).expect(200);
    const keys = [{ created_at: clock.now().toISOString(), expires_at: null, last_used_at: null }];
    expect(shown.body).toEqual({ id, ...client, keys });
    const page = (await send('get', '/v1/clients?limit=200')).body.data as { id: string }[];
    expect(page.find((each) => each.id === id)).toEqual(shown.body);
    for (const unknown of [NOBODY, 'nonsense', 'con_01jd0000000000000000000000', '%20', "'"]) {
      const response = await send('get', `/v1/clients/${unknown}`);
      expect([unknown, response.status, response.body.code]).toEqual([unknown, 404, 'client_not_found']);
    }
  });
});

describe('DELETE /v1/clients/{id}', () => {
  it('204, even the second time, with one entry; the key stops working and the row stays for the record', async () => {
    const { id, api_key: key } = (await create(SERVICE)).body;
    await send('delete', `/v1/clients/${id}`).expect(204);
    await send('delete', `/v1/clients/${id}`).expect(204);
    await send('get', `/v1/clients/${id}`).expect(404);
    await send('get', '/v1/clients', undefined, key).expect(401);
    expect((await entries(id)).map((entry) => entry.action).sort()).toEqual(['client.created', 'client.deleted']);
    const [row] = await access.database.rows<{ keys: number; deleted: boolean }>({
      text: `SELECT (SELECT count(*)::int FROM client_key WHERE client_id = $1) AS keys, deleted_at IS NOT NULL AS deleted
        FROM client WHERE id = $1`,
      values: [id],
    });
    expect(row).toEqual({ keys: 0, deleted: true });
  });

  it('404: an unknown id', async () => {
    for (const id of [NOBODY, 'x']) await send('delete', `/v1/clients/${id}`).expect(404);
  });

  it('409: the last admin with a valid key; of two deleted concurrently, one stays', async () => {
    expect((await send('delete', `/v1/clients/${BOOTSTRAP_CLIENT_ID}`)).body.code).toBe('last_admin');
    const second = (await create({ name: 'second', role: 'admin' })).body;
    const responses = await Promise.all([
      send('delete', `/v1/clients/${BOOTSTRAP_CLIENT_ID}`, undefined, second.api_key),
      send('delete', `/v1/clients/${second.id}`, undefined, second.api_key),
    ]);
    // The slower one may find its own key already deleted.
    const statuses = responses.map((response) => response.status).sort();
    expect(statuses[0]).toBe(204);
    expect([401, 409]).toContain(statuses[1]);
    const living = await access.database.rows({
      text: `SELECT 1 FROM client WHERE role = 'admin' AND deleted_at IS NULL`,
    });
    expect(living).toHaveLength(1);
    await access.database.run({ text: `UPDATE client SET deleted_at = NULL WHERE id = '${BOOTSTRAP_CLIENT_ID}'` });
    const again = await startAuthApp(access.database, clock);
    await again.app.close();
  });
});

describe('PATCH /v1/clients/{id}', () => {
  const change = (id: string, body?: object) => send('patch', `/v1/clients/${id}`, body);
  const changes = async (id: string) =>
    (await entries(id)).filter(({ action }) => action === 'client.changed').map(({ details }) => details);

  it('200: changes the given fields only, and records them', async () => {
    const { id, api_key: key } = (await create({ ...SERVICE, rate_limit_per_second: 5 })).body;
    const allow = { '*': ['GET /**'], whatsapp: ['POST /*/messages'] };
    const response = await change(id, {
      name: 'shop 2',
      tenants: ['acme', 'globex'],
      products: ['ads'],
      max_ttl_seconds: 60,
      rate_limit_per_second: null,
      allow,
      ip_allow_list: ['127.0.0.0/8', '::1'],
      identities: [IDENTITY],
    });
    expect([response.status, response.body.errors]).toEqual([200, undefined]);
    expect(response.body).toMatchObject({
      id,
      name: 'shop 2',
      role: 'service',
      tenants: ['acme', 'globex'],
      products: ['ads'],
      lease_modes: ['gateway'],
      max_ttl_seconds: 60,
      rate_limit_per_second: null,
      allow,
      ip_allow_list: ['127.0.0.0/8', '::1'],
      identities: [IDENTITY],
      keys: [{ expires_at: null }],
    });
    expect((await send('get', `/v1/clients/${id}`)).body).toEqual(response.body);
    expect(await changes(id)).toEqual([
      {
        changes: {
          name: { from: 'shop', to: 'shop 2' },
          tenants: { added: ['globex'], removed: [] },
          products: { added: [], removed: ['whatsapp'] },
          max_ttl_seconds: { from: 3600, to: 60 },
          rate_limit_per_second: { from: 5, to: null },
          allow: { from: null, to: allow },
          ip_allow_list: { from: null, to: ['127.0.0.0/8', '::1'] },
          identities: { added: [IDENTITY], removed: [] },
        },
      },
    ]);
    expect((await send('get', '/v1/clients', undefined, key)).status).toBe(403);
    const undone = await change(id, { allow: null, ip_allow_list: null, identities: [] });
    expect(undone.body).toMatchObject({
      allow: null,
      ip_allow_list: null,
      identities: [],
      tenants: ['acme', 'globex'],
    });
  });

  it('200: equal values are no change and have no entry', async () => {
    const allow = { whatsapp: ['GET /me'], '*': ['GET /**'] };
    const { id } = (await create({ ...SERVICE, allow, identities: [{ ...IDENTITY, subject: 'same' }] })).body;
    for (const body of [{}, { name: 'shop' }, { allow }, { identities: [{ ...IDENTITY, subject: 'same' }] }]) {
      expect((await change(id, body)).status).toBe(200);
    }
    expect(await changes(id)).toEqual([]);
  });

  it('400: changes that conflict with existing values', async () => {
    const { id } = (await create({ ...SERVICE, allow: ['GET /**'] })).body;
    const both = await change(id, { lease_modes: ['gateway', 'token'] });
    expect([both.status, both.body.errors[0].path]).toEqual([400, 'allow']);
    expect((await change(id, { lease_modes: ['gateway', 'token'], allow: null })).status).toBe(200);
    for (const body of [
      { role: 'admin' },
      { name: null },
      { tenants: [] },
      { id: 'x' },
      { allow: ['x'] },
      { identities: null },
    ]) {
      expect([body, (await change(id, body)).status]).toEqual([body, 400]);
    }
  });

  it('404, 409: an unknown client, or an identity of another', async () => {
    const taken = { ...IDENTITY, subject: 'taken' };
    const other = (await create({ ...SERVICE, identities: [taken] })).body;
    const { id } = (await create(SERVICE)).body;
    const response = await change(id, { name: 'thief', identities: [{ ...taken, audience: 'else' }, taken] });
    expect([response.status, response.body.code]).toEqual([409, 'identity_taken']);
    expect((await send('get', `/v1/clients/${id}`)).body).toMatchObject({ name: 'shop', identities: [] });
    expect((await create({ ...SERVICE, identities: [taken] })).status).toBe(409);
    await send('delete', `/v1/clients/${other.id}`);
    expect((await change(id, { identities: [taken] })).status).toBe(200);
    expect((await change(other.id, { name: 'x' })).status).toBe(404);
    expect((await change(NOBODY, { name: 'x' })).status).toBe(404);
    expect((await change(id, {})).status).toBe(200);
  });
});

describe('if the audit entry cannot be written', () => {
  it('nothing is changed', async () => {
    const before = await countClients();
    await access.database.run({ text: 'ALTER TABLE audit_entry RENAME TO audit_entry_gone' });
    try {
      expect((await create(SERVICE)).status).toBeGreaterThanOrEqual(500);
      // Refusals hold even without an audit entry.
      expect((await send('get', '/v1/clients', undefined, 'wrong-key')).status).toBe(401);
    } finally {
      await access.database.run({ text: 'ALTER TABLE audit_entry_gone RENAME TO audit_entry' });
    }
    expect(await countClients()).toBe(before);
  });
});
