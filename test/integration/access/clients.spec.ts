import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { BOOTSTRAP_CLIENT_ID } from '../../../src/access/bootstrap-admin.ts';
import { type AccessApp, BOOTSTRAP_KEY, startAccessApp } from '../../support/access-app.ts';
import { type OpenDatabase, openFreshDatabase } from '../../support/database.ts';
import { FakeClock } from '../../support/fake-clock.ts';

let open: OpenDatabase;
let access: AccessApp;
const clock = new FakeClock();

beforeAll(async () => {
  open = await openFreshDatabase();
  access = await startAccessApp(open.database, clock);
});

afterAll(async () => {
  await access?.app.close();
  await open?.close();
});

const SERVICE = { name: 'shop', role: 'service', tenants: ['acme'], products: ['whatsapp', 'ads'] };
const IDENTITY = { issuer: 'https://issuer.example', audience: 'metavault', subject: 'system:serviceaccount:shop:api' };
const NOBODY = `cli_${'z'.repeat(26)}`;

function send(method: 'get' | 'post' | 'patch' | 'delete', path: string, body?: object | string, key = BOOTSTRAP_KEY) {
  const sent = request(access.app.getHttpServer())[method](path).set('Authorization', `Bearer ${key}`);
  return body === undefined ? sent : sent.set('Content-Type', 'application/json').send(body);
}

const create = (body: object | string) => send('post', '/v1/clients', body);

const entries = (subjectId: string) =>
  open.database.rows<{ action: string; actor_id: string; request_id: string; details: object }>({
    text: 'SELECT action, actor_id, request_id, details FROM audit_entry WHERE subject_id = $1 ORDER BY id',
    values: [subjectId],
  });

async function countClients(): Promise<number> {
  const [row] = await open.database.rows<{ count: number }>({ text: 'SELECT count(*)::int AS count FROM client' });
  return row?.count ?? 0;
}

describe('POST /v1/clients', () => {
  it('201: the client, its key this once, and an entry without the key', async () => {
    const answer = await create({
      ...SERVICE,
      lease_modes: ['gateway', 'token'],
      max_ttl_seconds: 60,
      rate_limit_per_second: 5,
    });
    expect(answer.status).toBe(201);
    const { api_key: key, api_key_expires_at: keyEnd, ...client } = answer.body;
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
      request_id: answer.headers['x-request-id'],
      details: { role: 'service', tenants: ['acme'] },
    });
    expect(JSON.stringify(entry)).not.toContain(key);
    expect((await send('get', '/v1/clients', undefined, key)).body.code).toBe('forbidden');
  });

  it('201: what is left out has its default', async () => {
    const service = (await create({ ...SERVICE, tenants: ['*'] })).body;
    expect(service).toMatchObject({ lease_modes: ['gateway'], max_ttl_seconds: 3600, rate_limit_per_second: null });
    const auditor = (await create({ name: 'auditor', role: 'auditor' })).body;
    expect(auditor).toMatchObject({ tenants: ['*'], products: ['*'] });
  });

  it('400: what is missing, wrong or unknown is named, and nothing is written', async () => {
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
      const answer = await create(body);
      expect([JSON.stringify(body).slice(0, 80), answer.status]).toEqual([JSON.stringify(body).slice(0, 80), 400]);
      expect(answer.body.code).toBe('invalid_request');
      const paths: string[] = answer.body.errors.map((error: { path: string }) => error.path.replace(/\[\d+\]$/, ''));
      expect(paths).toContain(path);
    }
    for (const body of ['[]', '"x"', '7', 'null', '{', '{"name":"a","__proto__":{"role":"admin"}}']) {
      expect([body, (await create(body)).status]).toEqual([body, 400]);
    }
    expect(await countClients()).toBe(before);
  });
});

describe('GET /v1/clients', () => {
  it('200: pages by id until there is no next one, each client once, deleted ones not', async () => {
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

  it('400: a limit or cursor that is none', async () => {
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

  it('200, 404: one client, with its keys as far as they may be shown', async () => {
    const { id, api_key: _, api_key_expires_at: __, ...client } = (await create(SERVICE)).body;
    const shown = await send('get', `/v1/clients/${id}`).expect(200);
    const keys = [{ created_at: clock.now().toISOString(), expires_at: null, last_used_at: null }];
    expect(shown.body).toEqual({ id, ...client, keys });
    const page = (await send('get', '/v1/clients?limit=200')).body.data as { id: string }[];
    expect(page.find((each) => each.id === id)).toEqual(shown.body);
    for (const unknown of [NOBODY, 'nonsense', 'con_01jd0000000000000000000000', '%20', "'"]) {
      const answer = await send('get', `/v1/clients/${unknown}`);
      expect([unknown, answer.status, answer.body.code]).toEqual([unknown, 404, 'client_not_found']);
    }
  });
});

describe('DELETE /v1/clients/{id}', () => {
  it('204, also the second time, with one entry; its key ends and its row stays for the record', async () => {
    const { id, api_key: key } = (await create(SERVICE)).body;
    await send('delete', `/v1/clients/${id}`).expect(204);
    await send('delete', `/v1/clients/${id}`).expect(204);
    await send('get', `/v1/clients/${id}`).expect(404);
    await send('get', '/v1/clients', undefined, key).expect(401);
    expect((await entries(id)).map((entry) => entry.action).sort()).toEqual(['client.created', 'client.deleted']);
    const [row] = await open.database.rows<{ keys: number; deleted: boolean }>({
      text: `SELECT (SELECT count(*)::int FROM client_key WHERE client_id = $1) AS keys, deleted_at IS NOT NULL AS deleted
        FROM client WHERE id = $1`,
      values: [id],
    });
    expect(row).toEqual({ keys: 0, deleted: true });
  });

  it('404: an id that never was', async () => {
    for (const id of [NOBODY, 'x']) await send('delete', `/v1/clients/${id}`).expect(404);
  });

  it('409: the last admin with a key that works; of two that go at once, one stays', async () => {
    expect((await send('delete', `/v1/clients/${BOOTSTRAP_CLIENT_ID}`)).body.code).toBe('last_admin');
    const second = (await create({ name: 'second', role: 'admin' })).body;
    const answers = await Promise.all([
      send('delete', `/v1/clients/${BOOTSTRAP_CLIENT_ID}`, undefined, second.api_key),
      send('delete', `/v1/clients/${second.id}`, undefined, second.api_key),
    ]);
    // The later of them may find its own key gone already.
    const statuses = answers.map((answer) => answer.status).sort();
    expect(statuses[0]).toBe(204);
    expect([401, 409]).toContain(statuses[1]);
    const living = await open.database.rows({
      text: `SELECT 1 FROM client WHERE role = 'admin' AND deleted_at IS NULL`,
    });
    expect(living).toHaveLength(1);
    await open.database.run({ text: `UPDATE client SET deleted_at = NULL WHERE id = '${BOOTSTRAP_CLIENT_ID}'` });
    const again = await startAccessApp(open.database, clock);
    await again.app.close();
  });
});

describe('POST /v1/clients/{id}/keys', () => {
  const issue = (id: string, body?: object) => send('post', `/v1/clients/${id}/keys`, body);
  const works = async (key: string) => (await send('get', '/v1/clients', undefined, key)).status === 403;

  it('201: a new key; the old one lives for the grace, and a day unless said', async () => {
    const { id, api_key: first } = (await create(SERVICE)).body;
    const answer = await issue(id);
    expect(answer.status).toBe(201);
    expect(answer.body).toEqual({
      api_key: expect.stringMatching(/^mtv_/),
      api_key_expires_at: null,
      grace_seconds: 86_400,
      previous_keys_expire_at: new Date(clock.now().getTime() + 86_400_000).toISOString(),
    });
    expect([await works(first), await works(answer.body.api_key)]).toEqual([true, true]);
    expect((await send('get', `/v1/clients/${id}`)).body.keys).toHaveLength(2);
  });

  it('201: grace 0 ends the old one at once; a shorter end is never made later', async () => {
    const { id, api_key: first } = (await create(SERVICE)).body;
    const second = (await issue(id, { grace_seconds: 10 })).body.api_key;
    const third = (await issue(id, { grace_seconds: 1000 })).body.api_key;
    clock.advance(10);
    expect([await works(first), await works(second), await works(third)]).toEqual([false, true, true]);
    const fourth = (await issue(id, { grace_seconds: 0 })).body.api_key;
    expect([await works(second), await works(third), await works(fourth)]).toEqual([false, false, true]);
  });

  it('201: of keys that are issued at once, one is left without an end', async () => {
    const { id } = (await create(SERVICE)).body;
    const issued = await Promise.all(Array.from({ length: 4 }, () => issue(id, { grace_seconds: 5 })));
    expect(issued.map((answer) => answer.status)).toEqual([201, 201, 201, 201]);
    const { keys } = (await send('get', `/v1/clients/${id}`)).body;
    expect(keys.filter((key: { expires_at: string | null }) => key.expires_at === null)).toHaveLength(1);
  });

  it('400, 404', async () => {
    const { id } = (await create(SERVICE)).body;
    for (const grace of [-1, 1.5, '60', null, 30 * 86_400 + 1]) {
      expect([grace, (await issue(id, { grace_seconds: grace })).status]).toEqual([grace, 400]);
    }
    expect((await issue(id, { grace: 1 })).status).toBe(400);
    expect((await issue(NOBODY)).status).toBe(404);
    await send('delete', `/v1/clients/${id}`);
    expect((await issue(id)).status).toBe(404);
  });
});

describe('PATCH /v1/clients/{id}', () => {
  const change = (id: string, body?: object) => send('patch', `/v1/clients/${id}`, body);
  const changes = async (id: string) =>
    (await entries(id)).filter(({ action }) => action === 'client.changed').map(({ details }) => details);

  it('200: what is given changes, the rest stays, and the entry says what', async () => {
    const { id, api_key: key } = (await create({ ...SERVICE, rate_limit_per_second: 5 })).body;
    const allow = { '*': ['GET /**'], whatsapp: ['POST /*/messages'] };
    const answer = await change(id, {
      name: 'shop 2',
      tenants: ['acme', 'globex'],
      products: ['ads'],
      max_ttl_seconds: 60,
      rate_limit_per_second: null,
      allow,
      ip_allow_list: ['127.0.0.0/8', '::1'],
      identities: [IDENTITY],
    });
    expect([answer.status, answer.body.errors]).toEqual([200, undefined]);
    expect(answer.body).toMatchObject({
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
    expect((await send('get', `/v1/clients/${id}`)).body).toEqual(answer.body);
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

  it('200: what is so already is no change, and has no entry', async () => {
    const allow = { whatsapp: ['GET /me'], '*': ['GET /**'] };
    const { id } = (await create({ ...SERVICE, allow, identities: [{ ...IDENTITY, subject: 'same' }] })).body;
    for (const body of [{}, { name: 'shop' }, { allow }, { identities: [{ ...IDENTITY, subject: 'same' }] }]) {
      expect((await change(id, body)).status).toBe(200);
    }
    expect(await changes(id)).toEqual([]);
  });

  it('400: what can not be, taken together with what is', async () => {
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

  it('404, 409: another client, or none', async () => {
    const taken = { ...IDENTITY, subject: 'taken' };
    const other = (await create({ ...SERVICE, identities: [taken] })).body;
    const { id } = (await create(SERVICE)).body;
    const answer = await change(id, { name: 'thief', identities: [{ ...taken, audience: 'else' }, taken] });
    expect([answer.status, answer.body.code]).toEqual([409, 'identity_taken']);
    expect((await send('get', `/v1/clients/${id}`)).body).toMatchObject({ name: 'shop', identities: [] });
    expect((await create({ ...SERVICE, identities: [taken] })).status).toBe(409);
    await send('delete', `/v1/clients/${other.id}`);
    expect((await change(id, { identities: [taken] })).status).toBe(200);
    expect((await change(other.id, { name: 'x' })).status).toBe(404);
    expect((await change(NOBODY, { name: 'x' })).status).toBe(404);
    expect((await change(id, {})).status).toBe(200);
  });
});

describe('a key with an end', () => {
  const works = async (key: string) => (await send('get', '/v1/clients', undefined, key)).status === 403;

  it('works until then: of a new client, and of one that has others', async () => {
    const created = (await create({ ...SERVICE, expires_in_seconds: 60 })).body;
    const end = new Date(clock.now().getTime() + 60_000).toISOString();
    expect(created.api_key_expires_at).toBe(end);
    expect((await send('get', `/v1/clients/${created.id}`)).body.keys).toMatchObject([{ expires_at: end }]);
    const at = new Date(clock.now().getTime() + 90_000).toISOString();
    const issued = (await send('post', `/v1/clients/${created.id}/keys`, { expires_at: at })).body;
    expect(issued.api_key_expires_at).toBe(at);
    clock.advance(59);
    expect([await works(created.api_key), await works(issued.api_key)]).toEqual([true, true]);
    clock.advance(1);
    expect([await works(created.api_key), await works(issued.api_key)]).toEqual([false, true]);
    clock.advance(30);
    expect(await works(issued.api_key)).toBe(false);
    expect((await send('get', `/v1/clients/${created.id}`)).body.keys).toEqual([]);
  });

  it('is told in the metrics for two weeks before a client has no other', async () => {
    const losing = async () =>
      (await access.registry.getSingleMetric('metavault_clients_losing_their_key')?.get())?.values[0]?.value;
    const before = (await losing()) ?? 0;
    const { id } = (await create({ ...SERVICE, expires_in_seconds: 14 * 86_400 + 60 })).body;
    expect(await losing()).toBe(before);
    clock.advance(60);
    expect(await losing()).toBe(before + 1);
    await send('post', `/v1/clients/${id}/keys`);
    expect(await losing()).toBe(before);
  });

  it('400: an end that is past, or none', async () => {
    const { id } = (await create(SERVICE)).body;
    for (const body of [{ expires_at: clock.now().toISOString() }, { expires_in_seconds: 0 }, { expires_at: 'x' }]) {
      expect([body, (await send('post', `/v1/clients/${id}/keys`, body)).status]).toEqual([body, 400]);
    }
  });
});

describe('without room for the audit entry', () => {
  it('nothing is done', async () => {
    const before = await countClients();
    await open.database.run({ text: 'ALTER TABLE audit_entry RENAME TO audit_entry_gone' });
    try {
      expect((await create(SERVICE)).status).toBeGreaterThanOrEqual(500);
      // A refusal stays a refusal.
      expect((await send('get', '/v1/clients', undefined, 'wrong-key')).status).toBe(401);
    } finally {
      await open.database.run({ text: 'ALTER TABLE audit_entry_gone RENAME TO audit_entry' });
    }
    expect(await countClients()).toBe(before);
  });
});
