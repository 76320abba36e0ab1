import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { RowMacs } from '../../src/database/row-macs.ts';
import { PrivacyRequestService } from '../../src/webhooks/privacy-requests/privacy-request.service.ts';
import {
  PRIVACY_REQUEST_MAC,
  type PrivacyRequestRow,
} from '../../src/webhooks/privacy-requests/privacy-request-mac.ts';
import { WebhookEntryUsers } from '../../src/webhooks/webhook-entry-users.ts';
import { api } from '../support/connect-test-context.ts';
import { type LifecycleTestContext, openLifecycleTestContext } from '../support/lifecycle-test-context.ts';
import { type PrivacyRequests, privacyRequests } from '../support/privacy-requests.ts';
import { readRelayedEvents } from '../support/relayed-events.ts';

let context: LifecycleTestContext;
let privacy: PrivacyRequests;

beforeAll(async () => {
  context = await openLifecycleTestContext();
  privacy = privacyRequests(context);
});
afterEach(() => {
  context.clock.advance(3600);
});
afterAll(() => context?.close());

describe('a data deletion', () => {
  const erase = async (userId: string) =>
    (await privacy.post('data-deletion', privacy.signed(userId)).expect(200)).body as {
      url: string;
      confirmation_code: string;
    };
  const page = (code: string, accept = 'text/html') =>
    request(privacy.server()).get(`/data-deletion/${code}`).set('Accept', accept);

  it('erases the user from every table, and keeps the audit chain intact', async () => {
    const { id, userId, pageIds } = await context.importConnection({ tenant: 'erase', pages: 2 });
    const pageId = pageIds[0] ?? '';
    const [name] = await context.database.rows<{ subject_name: string }>({
      text: 'SELECT subject_name FROM credential WHERE connection_id = $1 AND is_root',
      values: [id],
    });
    const personal = [userId, pageId, name?.subject_name ?? 'no name'];
    await privacy.relay('page', { id: pageId, time: 1, message: 'a private message' });
    await privacy.relay('user', { id: userId, time: 1, changed_fields: ['email'] });
    const sealed = ['a private message', 'changed_fields'];
    for (const text of personal) expect(await privacy.everything(text)).not.toEqual([]);
    for (const text of sealed) expect(await readRelayedEvents(context.replica, text)).toHaveLength(1);
    await erase(userId);
    for (const text of personal) expect(await privacy.everything(text)).toEqual([]);
    for (const text of sealed) expect(await readRelayedEvents(context.replica, text)).toEqual([]);
    expect(await context.connection(id)).toMatchObject({ id, status: 'revoked', meta_user_id: 'erased', assets: [] });
    expect((await context.audited('data_deletion.completed')).at(-1)).toEqual({ revoked: 1, inspected: 0, erased: 1 });
    expect((await api(context).get('/v1/audit/verify').expect(200)).body).toMatchObject({ valid: true });
  });

  it('erases what was revoked before, with the token kept for Meta, and what was stored without a connection', async () => {
    const { id, userId } = await context.importConnection({ tenant: 'erase-old' });
    context.fault({ kind: 'status', status: 500 }, { pathPattern: 'permissions' }, 100);
    const revoked = await api(context).delete(`/v1/connections/${id}`).expect(200);
    expect(revoked.body).toMatchObject({ provider_revocation: 'pending' });
    expect(await privacy.secretsOf(id)).not.toEqual([]);
    context.sandbox.state.faults.clear();
    await privacy.relay('permissions', { id: userId, uid: userId, time: 7, changes: [] });
    expect(await readRelayedEvents(context.replica, userId)).toHaveLength(1);
    expect(await privacy.everything(userId)).toContain('connection');
    await erase(userId);
    expect(await privacy.everything(userId)).toEqual([]);
    expect(await readRelayedEvents(context.replica, userId)).toEqual([]);
    expect(await privacy.secretsOf(id)).toEqual([]);
  });

  it("destroys a tenant's payload keys with its last connection, and never another tenant's", async () => {
    const keysOf = (tenant: string) =>
      context.database.rows({
        text: 'SELECT k.id FROM payload_key k JOIN sealed_secret s ON s.id = k.secret_id WHERE k.tenant = $1',
        values: [tenant],
      });
    const [one, two] = [
      await context.importConnection({ tenant: 'leaving', pages: 1 }),
      await context.importConnection({ tenant: 'leaving', pages: 1 }),
    ];
    const neighbor = await context.importConnection({ tenant: 'staying', pages: 1 });
    for (const { pageIds } of [one, two, neighbor])
      await privacy.relay('page', { id: pageIds[0], time: 1, message: `about ${pageIds[0]}` });
    await erase(one.userId);
    expect(await keysOf('leaving')).toHaveLength(1);
    expect(await readRelayedEvents(context.replica, `about ${one.pageIds[0]}`)).toEqual([]);
    expect(await readRelayedEvents(context.replica, `about ${two.pageIds[0]}`)).toHaveLength(1);
    await erase(two.userId);
    expect(await keysOf('leaving')).toEqual([]);
    expect(await keysOf('staying')).toHaveLength(1);
    expect(await readRelayedEvents(context.replica, `about ${neighbor.pageIds[0]}`)).toHaveLength(1);
  });

  it("finds what a previous release stored with its user's id in the clear, whether hashed since or not", async () => {
    for (const isHashed of [false, true]) {
      const userId = isHashed ? '424242' : '434343';
      await context.database.run({
        text: `INSERT INTO event (id, type, data, created_at) VALUES ($1, 'meta.webhook', '{"mark":"of before"}', $2)`,
        values: [`evt_before_${isHashed}`, context.clock.now()],
      });
      await context.database.run({
        text: `INSERT INTO webhook_entry (hash, object, meta_user_id, event_id, received_at)
          VALUES (sha256(convert_to($1, 'UTF8')), 'user', $1, $2, $3)`,
        values: [userId, `evt_before_${isHashed}`, context.clock.now()],
      });
      if (isHashed) await context.replica.app.get(WebhookEntryUsers).hashEarlierReleases(100);
      expect(await privacy.everything(userId)).toEqual(expect.arrayContaining(isHashed ? [] : ['webhook_entry']));
      if (isHashed) expect(await privacy.everything(userId)).not.toContain('webhook_entry');
      expect(await readRelayedEvents(context.replica, 'of before')).toHaveLength(1);
      await erase(userId);
      expect(await readRelayedEvents(context.replica, 'of before')).toEqual([]);
    }
  });

  it('keeps a connection that the user made afterwards', async () => {
    const { id, userId } = await context.importConnection({ tenant: 'stays' });
    await privacy.post('data-deletion', privacy.signed(userId, -120)).expect(200);
    await privacy.whenIdle();
    expect(await context.connection(id)).toMatchObject({ status: 'active', meta_user_id: userId });
    expect((await context.audited('data_deletion.completed')).at(-1)).toEqual({ revoked: 0, inspected: 1, erased: 0 });
  });

  it('returns our page and a code, also for unknown users', async () => {
    const { userId } = await context.importConnection({ tenant: 'page' });
    const responses = [await erase(userId), await erase('999999999999')];
    for (const { url, confirmation_code: code } of responses) {
      expect(code).toMatch(/^[0-9a-f]{32}$/);
      expect(url).toBe(`http://localhost:3000/data-deletion/${code}`);
      const html = await page(code).expect(200);
      expect(html.headers['content-type']).toMatch(/^text\/html/);
      expect(html.text).toContain('Your data has been deleted');
      const json = await page(code, 'application/json').expect(200);
      expect(Object.keys(json.body as object).sort()).toEqual([
        'completed_at',
        'confirmation_code',
        'requested_at',
        'status',
      ]);
      expect(json.body).toMatchObject({ status: 'completed', confirmation_code: code });
    }
    expect(responses[0]?.confirmation_code).not.toBe(responses[1]?.confirmation_code);
  });

  it('shows its progress', async () => {
    const { confirmationCode } = await context.replica.app.get(PrivacyRequestService).accept({
      kind: 'data_deletion',
      payload: 'under way',
      apps: { appIds: ['1'], fallbackAppIds: [] },
      metaUserId: '42',
      issuedAt: null,
      requestId: 'req-1',
    });
    expect((await page(confirmationCode ?? '', 'application/json').expect(200)).body).toMatchObject({
      status: 'in_progress',
      completed_at: null,
    });
    expect((await page(confirmationCode ?? '').expect(200)).text).toContain('being deleted');
  });

  it('is absent for an unknown code', async () => {
    for (const code of ['0'.repeat(32), 'x', '%3Cscript%3E', "'--"]) {
      const html = await page(code).expect(404);
      expect(html.headers['content-type']).toMatch(/^text\/html/);
      expect(html.text).not.toContain('<script>');
      expect((await page(code, 'application/json').expect(404)).body).toMatchObject({ code: 'deletion_not_found' });
    }
  });

  it('is found by a code of an earlier release, of which only a hash is kept after two days', async () => {
    const [code, now] = ['a'.repeat(32), context.clock.now()];
    const earlier: PrivacyRequestRow = {
      id: 'prq_earlier',
      kind: 'data_deletion',
      payload_hash: createHash('sha256').update('payload').digest(),
      code_hash: null,
      app_ids: ['1'],
      user_secret_id: null,
      meta_user_id: null,
      confirmation_code: code,
      issued_at: null,
      request_id: null,
      received_at: now,
      completed_at: now,
      is_hashed: false,
    };
    await context.database.run({
      text: `INSERT INTO privacy_request (id, kind, payload_hash, confirmation_code, app_ids, received_at, completed_at, mac)
        VALUES ($1, $2, $3, $4, $5, $6, $6, $7)`,
      values: [
        earlier.id,
        earlier.kind,
        earlier.payload_hash,
        code,
        earlier.app_ids,
        now,
        context.replica.app.get(RowMacs).compute(PRIVACY_REQUEST_MAC, earlier),
      ],
    });
    const requests = context.replica.app.get(PrivacyRequestService);
    const row = async () =>
      (
        await context.database.rows<{ text: string }>({
          text: `SELECT r::text AS text FROM privacy_request r WHERE id = 'prq_earlier'`,
        })
      )[0]?.text;
    await requests.hashEarlierReleases(100);
    expect(await row()).toContain(code);
    context.clock.advance(2 * 86_400 + 1);
    await requests.hashEarlierReleases(100);
    expect(await row()).not.toContain(code);
    expect((await page(code, 'application/json').expect(200)).body).toMatchObject({
      status: 'completed',
      confirmation_code: code,
    });
    await page('b'.repeat(32)).expect(404);
  });

  it("works with the sandbox's requests", async () => {
    const { id, userId } = await context.importConnection({ tenant: 'sandbox' });
    await context.replica.app.getHttpAdapter().getInstance().listen({ host: '127.0.0.1', port: 0 });
    const { port } = privacy.server().address() as { port: number };
    const url = `http://127.0.0.1:${port}/webhooks/meta/data-deletion`;
    const result = await context.sandbox.state.callbacks.signedRequest('data_deletion', url, userId, privacy.secret());
    expect(result.status).toBe(200);
    expect(JSON.parse(result.body)).toMatchObject({ confirmation_code: expect.stringMatching(/^[0-9a-f]{32}$/) });
    expect((await context.connection(id)).status).toBe('revoked');
  });
});
