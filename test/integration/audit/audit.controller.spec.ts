import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { SYSTEM } from '../../../src/audit/actor.ts';
import { AuditLog } from '../../../src/audit/audit-log.ts';
import { ChainLinkingJob } from '../../../src/audit/chain/chain-linking.job.ts';
import { ClientsService } from '../../../src/clients/clients.service.ts';
import { BOOTSTRAP_KEY } from '../../support/auth-app.ts';
import { type AuthTestContext, openAuthTestContext } from '../../support/auth-test-context.ts';
import { FakeClock } from '../../support/fake-clock.ts';

let access: AuthTestContext;
const clock = new FakeClock();
const keys = { admin: BOOTSTRAP_KEY, stranger: '', auditor: '', acmeAuditor: '' };
let serviceId = '';

beforeAll(async () => {
  access = await openAuthTestContext(clock);
  const clients = access.app.get(ClientsService);
  const all = { tenants: ['*'], products: ['*'] as const };
  const service = await clients.create(SYSTEM, { name: 's', role: 'service', ...all });
  serviceId = service.client.id;
  const stranger = await clients.create(SYSTEM, { name: 'x', role: 'service', ...all });
  keys.stranger = stranger.apiKey.expose();
  keys.auditor = (await clients.create(SYSTEM, { name: 'a', role: 'auditor', ...all })).apiKey.expose();
  const acme = await clients.create(SYSTEM, { name: 'aa', role: 'auditor', tenants: ['acme'], products: ['ads'] });
  keys.acmeAuditor = acme.apiKey.expose();
  const log = access.app.get(AuditLog);
  const actor = { kind: 'client', id: serviceId } as const;
  for (const [tenant, product, connectionId] of [
    ['acme', 'ads', 'con_a'],
    ['acme', 'pages', 'con_b'],
    ['other', 'ads', 'con_c'],
  ] as const) {
    clock.advance(60);
    await log.record(access.database, {
      action: 'lease.issued',
      actor,
      tenant: tenant ?? null,
      product: product ?? null,
      connectionId: connectionId ?? null,
      subjectId: 'lse_1',
      requestId: 'req_1',
      details: { mode: 'gateway' },
    });
  }
});

afterAll(() => access?.close());

const get = (path: string, key: string = keys.admin) =>
  request(access.app.getHttpServer()).get(path).set('Authorization', `Bearer ${key}`);

async function found(query: string, key?: string): Promise<string[]> {
  const response = await get(`/v1/audit?${query}`, key).expect(200);
  return response.body.data.map(
    (entry: { connection_id: string | null; action: string }) => entry.connection_id ?? entry.action,
  );
}

describe('GET /v1/audit', () => {
  it('403: a service', async () => {
    expect((await get('/v1/audit', keys.stranger)).status).toBe(403);
    expect((await get('/v1/audit/verify', keys.stranger)).status).toBe(403);
  });

  it('200: full entries, newest first', async () => {
    const { data } = (await get('/v1/audit?action=lease.issued', keys.auditor).expect(200)).body;
    expect(data[0]).toEqual({
      id: expect.stringMatching(/^aud_/),
      at: clock.now().toISOString(),
      action: 'lease.issued',
      actor: { kind: 'client', id: serviceId },
      tenant: 'other',
      product: 'ads',
      connection_id: 'con_c',
      subject_id: 'lse_1',
      request_id: 'req_1',
      details: { mode: 'gateway' },
    });
    const ids = data.map((entry: { id: string }) => entry.id);
    expect(ids).toEqual([...ids].sort().reverse());
  });

  it('200: filters, alone and combined', async () => {
    expect(await found('connection_id=con_b')).toEqual(['con_b']);
    expect(await found('action=lease.issued')).toEqual(['con_c', 'con_b', 'con_a']);
    expect(await found('action=lease.issued&connection_id=con_zzz')).toEqual([]);
    expect(await found(`client_id=${serviceId}`)).toEqual(['con_c', 'con_b', 'con_a', 'client.created']);
    expect(await found(`client_id=${serviceId}&action=client.created`)).toEqual(['client.created']);
    expect(await found("action=' OR 1=1 --")).toEqual([]);
  });

  it('200: from is inclusive, to is exclusive, and offsets are honored', async () => {
    const from = new Date(clock.now().getTime() - 60_000).toISOString();
    const to = clock.now().toISOString();
    expect(await found(`from=${from}&client_id=${serviceId}`)).toEqual(['con_c', 'con_b']);
    expect(await found(`from=${from}&to=${to}`)).toEqual(['con_b']);
    expect(await found(`to=${from}&action=lease.issued`)).toEqual(['con_a']);
    const elsewhere = new Date(Date.parse(from) + 7_200_000).toISOString().replace('Z', '+02:00');
    expect(await found(`from=${encodeURIComponent(elsewhere)}&client_id=${serviceId}`)).toEqual(['con_c', 'con_b']);
    expect(await found('from=0001-01-01T00:00:00Z&to=9999-12-31T23:59:59Z&connection_id=con_a')).toEqual(['con_a']);
  });

  it('200: an auditor sees only its own tenants and products', async () => {
    expect(await found('', keys.acmeAuditor)).toEqual(['con_a']);
    expect(await found('connection_id=con_c', keys.acmeAuditor)).toEqual([]);
    expect((await found('', keys.auditor)).length).toBe((await found('', keys.admin)).length);
  });

  it('200: pages contain every entry once', async () => {
    const whole = await found('limit=200');
    const paged: string[] = [];
    let cursor = '';
    for (;;) {
      const { data, next_cursor: next } = (await get(`/v1/audit?limit=2${cursor}`)).body;
      paged.push(
        ...data.map((entry: { connection_id: string | null; action: string }) => entry.connection_id ?? entry.action),
      );
      if (next === null) break;
      cursor = `&cursor=${next}`;
    }
    expect(paged).toEqual(whole);
  });

  it('400: names an invalid instant, limit or cursor', async () => {
    for (const [query, path] of [
      ['from=yesterday', 'from'],
      ['from=2026-11-22', 'from'],
      ['from=2026-13-22T00:00:00Z', 'from'],
      ['to=2026-11-22T25:00:00Z', 'to'],
      ['to=2026-11-22T12:00:00', 'to'],
      ['limit=1000', 'limit'],
      ['cursor=abc', 'cursor'],
      [`action=${'x'.repeat(101)}`, 'action'],
      ['action=%00', 'action'],
      ['action[]=a&action[]=b', 'action[]'],
    ]) {
      const response = await get(`/v1/audit?${query}`);
      expect([query, response.status, response.body.errors?.[0]?.path]).toEqual([query, 400, path]);
    }
  });
});

describe('GET /v1/audit/verify', () => {
  it('200: links pending entries first, counts them, and reports where the chain is broken', async () => {
    const [row] = await access.database.rows<{ count: number }>({
      text: 'SELECT count(*)::int AS count FROM audit_entry',
    });
    const response = await get('/v1/audit/verify', keys.auditor).expect(200);
    const head = expect.stringMatching(/^[0-9a-f]{64}$/);
    expect(response.body).toEqual({ valid: true, entries: row?.count, head, faults: [] });

    await access.database.run({ text: `UPDATE audit_entry SET tenant = 'acme' WHERE connection_id = 'con_c'` });
    const broken = (await get('/v1/audit/verify').expect(200)).body;
    expect(broken).toMatchObject({
      valid: false,
      broken_at: { reason: 'changed', entry_id: expect.stringMatching(/^aud_/) },
    });
    const { position, entry_id } = broken.broken_at;
    expect(broken.faults).toEqual([{ kind: 'changed', from: position, to: position, entry_id }]);
    await access.database.run({ text: `UPDATE audit_entry SET tenant = 'other' WHERE connection_id = 'con_c'` });
    expect((await get('/v1/audit/verify')).body).toEqual(response.body);
  });

  it('200: as events, for who waits for a long record', async () => {
    const response = await get('/v1/audit/verify', keys.auditor).set('Accept', 'text/event-stream').expect(200);
    expect(response.headers['content-type']).toMatch(/^text\/event-stream/);
    const verdict = (await get('/v1/audit/verify', keys.auditor).expect(200)).body;
    expect(response.text).toContain(`event: verification\ndata: ${JSON.stringify(verdict)}\n\n`);
  });
});

describe('GET /v1/audit/anchor', () => {
  const verify = async (anchor: string) => (await get(`/v1/audit/verify?anchor=${encodeURIComponent(anchor)}`)).body;

  it('200: admins and auditors get an anchor, which verify accepts as a word and as JSON', async () => {
    expect((await get('/v1/audit/anchor', keys.stranger)).status).toBe(403);
    const { body: anchor } = await get('/v1/audit/anchor', keys.auditor).expect(200);
    expect(anchor).toEqual({
      anchor: expect.stringMatching(/^mva1\./),
      entries: expect.any(Number),
      head: expect.stringMatching(/^[0-9a-f]{64}$/),
      seal: expect.stringMatching(/^[0-9a-f]{64}$/),
      taken_at: clock.now().toISOString(),
    });
    await access.app.get(AuditLog).record(access.database, { action: 'lease.ended', actor: SYSTEM });
    expect(await verify(anchor.anchor)).toMatchObject({ valid: true, anchor: 'holds', entries: anchor.entries + 1 });
    expect(await verify(JSON.stringify(anchor))).toMatchObject({ valid: true, anchor: 'holds' });
    const forged = { ...anchor, entries: 1 };
    expect(await verify(JSON.stringify(forged))).toMatchObject({ valid: false, anchor: 'not_ours', faults: [] });
  });

  it('400: not an anchor', async () => {
    for (const anchor of ['x', 'mva1.1.2.3', '{}', 'null', '[]', '{"entries":1}']) {
      const response = await get(`/v1/audit/verify?anchor=${encodeURIComponent(anchor)}`);
      expect([response.status, response.body.errors?.[0]?.path]).toEqual([400, 'anchor']);
    }
  });

  it('detects a record restored as a whole to an earlier state', async () => {
    const { body: before } = await get('/v1/audit/anchor');
    const log = access.app.get(AuditLog);
    for (const table of ['audit_entry', 'audit_link', 'audit_head'])
      await access.database.run({ text: `CREATE TABLE old_${table} AS SELECT * FROM ${table}` });
    await log.record(access.database, { action: 'lease.ended', actor: SYSTEM });
    const { body: after } = await get('/v1/audit/anchor');
    for (const table of ['audit_entry', 'audit_link', 'audit_head']) {
      await access.database.run({ text: `DELETE FROM ${table}` });
      await access.database.run({ text: `INSERT INTO ${table} SELECT * FROM old_${table}` });
      await access.database.run({ text: `DROP TABLE old_${table}` });
    }
    expect(await verify(before.anchor)).toMatchObject({ valid: true, anchor: 'holds' });
    expect(await verify(after.anchor)).toMatchObject({ valid: false, anchor: 'cut_off', faults: [] });
  });
});

describe('the linking job', () => {
  const waiting = async () =>
    (await access.registry.getSingleMetric('metavault_audit_unlinked_entries')?.get())?.values[0]?.value;

  it('links pending entries, exports their number, and logs a lasting failure once a minute', async () => {
    const schedule = access.app.get(ChainLinkingJob);
    await schedule.tick();
    await access.app.get(AuditLog).record(access.database, { action: 'lease.ended', actor: SYSTEM });
    expect(await waiting()).toBe(1);
    await schedule.tick();
    expect(await waiting()).toBe(0);

    await access.database.run({ text: 'ALTER TABLE audit_link RENAME TO audit_link_gone' });
    try {
      for (let count = 0; count < 5; count++) await schedule.tick();
      // The value that was read last.
      expect(await waiting()).toBe(0);
    } finally {
      await access.database.run({ text: 'ALTER TABLE audit_link_gone RENAME TO audit_link' });
    }
    expect(access.log.lines.filter((line) => line['job'] === 'audit-chain-linking')).toHaveLength(1);
  });
});
