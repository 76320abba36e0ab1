import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import request from 'supertest';
import { RowMacs } from '../../src/database/row-macs.ts';
import { ImmediateInspectionService } from '../../src/lifecycle/inspection/immediate-inspection.service.ts';
import { addSeconds } from '../../src/platform/clock.ts';
import { hubSignature, signedRequest } from '../../src/sandbox/state/callback-sender.ts';
import { PrivacyRequestService } from '../../src/webhooks/privacy-requests/privacy-request.service.ts';
import {
  PRIVACY_REQUEST_MAC,
  type PrivacyRequestRow,
} from '../../src/webhooks/privacy-requests/privacy-request-mac.ts';
import { PrivacyRequestProcessor } from '../../src/webhooks/privacy-requests/privacy-request-processor.ts';
import { PrivacyRequestResumeJob } from '../../src/webhooks/privacy-requests/privacy-request-resume.job.ts';
import { WebhookEntryUsers } from '../../src/webhooks/webhook-entry-users.ts';
import { api } from '../support/connect-test-context.ts';
import { type LifecycleTestContext, openLifecycleTestContext } from '../support/lifecycle-test-context.ts';
import { readRelayedEvents } from '../support/relayed-events.ts';

let context: LifecycleTestContext;

beforeAll(async () => {
  context = await openLifecycleTestContext();
});
afterEach(() => {
  context.clock.advance(3600);
});
afterAll(() => context?.close());

const server = () => context.replica.app.getHttpServer();
const secret = (): string => context.sandbox.app.secret;
const post = (path: string, text: string) =>
  request(server()).post(`/webhooks/meta/${path}`).type('form').send({ signed_request: text });
/** As Meta signs it, issued this many seconds from now. */
const signed = (userId: unknown, seconds = 0, key = secret()): string => {
  const issuedAt = Math.floor(addSeconds(context.clock.now(), seconds).getTime() / 1000);
  return signedRequest(key, { user_id: userId, algorithm: 'HMAC-SHA256', issued_at: issuedAt });
};
const whenIdle = () => context.replica.app.get(ImmediateInspectionService).whenIdle();
/** Connects the same user for another tenant. */
const again = async (token: string, tenant: string): Promise<string> => {
  const response = await api(context)
    .post('/v1/connections/import', { tenant, product: 'pages', access_token: token })
    .expect(201);
  return (response.body as { id: string }).id;
};
const secretsOf = (connectionId: string) =>
  context.database.rows({
    text: `SELECT s.id FROM sealed_secret s JOIN credential c ON c.secret_id = s.id WHERE c.connection_id = $1
      UNION ALL SELECT secret_id FROM provider_revocation WHERE connection_id = $1`,
    values: [connectionId],
  });
const everything = async (needle: string): Promise<string[]> => {
  const tables = await context.database.rows<{ name: string }>({
    text: `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`,
  });
  const found: string[] = [];
  for (const { name } of tables) {
    const rows = await context.database.rows({
      text: `SELECT 1 FROM "${name}" t WHERE position($1 in t::text) > 0 LIMIT 1`,
      values: [needle],
    });
    if (rows.length > 0) found.push(name);
  }
  return found;
};

describe.each([['deauthorize'], ['data-deletion']])('POST /webhooks/meta/%s', (path) => {
  it('rejects what none of our secrets signed with 401, and changes nothing', async () => {
    const { id, userId } = await context.importConnection({ tenant: 'forged' });
    const good = signed(userId);
    const wrong = [
      signed(userId, 0, 'another secret'),
      `x${good}`,
      good.slice(good.indexOf('.')),
      good.replace('.', ''),
      'no request',
      signedRequest(secret(), { user_id: userId, algorithm: 'none', issued_at: 1 }),
    ];
    for (const text of wrong) {
      expect((await post(path, text).expect(401)).body).toMatchObject({ code: 'signature_invalid' });
    }
    expect((await context.connection(id)).status).toBe('active');
  });

  it('says what is missing, and accepts only forms', async () => {
    await request(server()).post(`/webhooks/meta/${path}`).type('form').send({ other: 'x' }).expect(400);
    await request(server()).post(`/webhooks/meta/${path}`).expect(400);
    await post(path, signedRequest(secret(), { algorithm: 'HMAC-SHA256', issued_at: 1 })).expect(400);
    await request(server()).post(`/webhooks/meta/${path}`).type('text/plain').send('signed_request=x').expect(415);
  });

  it("ends all of the user's connections of the app at once, without asking Meta and without keeping a token", async () => {
    const one = await context.importConnection({ tenant: 'user-a', pages: 1 });
    const two = await again(one.token, 'user-b');
    const other = await context.importConnection({ tenant: 'user-a' });
    context.clock.advance(3600);
    const calls = context.sandbox.state.log.list().length;
    await post(path, signed(one.userId)).expect(200);
    for (const id of [one.id, two]) {
      expect(await context.connection(id)).toMatchObject({ status: 'revoked', provider_revocation: 'confirmed' });
      expect(await secretsOf(id)).toEqual([]);
    }
    expect((await context.connection(other.id)).status).toBe('active');
    expect(context.sandbox.state.log.list().length).toBe(calls);
    const reason = path === 'deauthorize' ? 'deauthorized' : 'data_deletion';
    expect((await context.audited('connection.revoked')).slice(-2)).toEqual([
      expect.objectContaining({ reason, provider_revocation: 'confirmed' }),
      expect.objectContaining({ reason, provider_revocation: 'confirmed' }),
    ]);
    expect(
      (await context.events('connection.revoked')).filter((event) =>
        [one.id, two].includes(String(event['connection_id'])),
      ),
    ).toHaveLength(2);
  });

  it('inspects at once instead if the user connected more than a minute after it was issued', async () => {
    const { id, userId } = await context.importConnection({ tenant: 'later' });
    const checked = context.sandbox.state.log.list().length;
    await post(path, signed(userId, -61)).expect(200);
    await whenIdle();
    expect((await context.connection(id)).status).toBe('active');
    expect(context.sandbox.state.log.list().length).toBeGreaterThan(checked);
    expect((await context.root(id)).subject_id).toBe(userId);
    context.sandbox.state.revokeGrant(userId);
    await post(path, signed(userId, -62)).expect(200);
    await whenIdle();
    expect((await context.connection(id)).status).toBe('reauth_required');
    // Within the minute it counts: clocks differ, and the login itself takes time.
    await post(path, signed(userId, -59)).expect(200);
    expect((await context.connection(id)).status).toBe('revoked');
  });

  it('changes nothing when replayed, even right after a new login', async () => {
    const { userId, token, id } = await context.importConnection({ tenant: 'replay' });
    const text = signed(userId);
    const first = await post(path, text).expect(200);
    expect((await context.connection(id)).status).toBe('revoked');
    context.clock.advance(30);
    const fresh = await again(token, 'replay');
    const padded = `${text.slice(0, text.indexOf('.'))}=${text.slice(text.indexOf('.'))}`;
    for (const replay of [text, padded]) expect((await post(path, replay).expect(200)).body).toEqual(first.body);
    expect((await context.connection(fresh)).status).toBe('active');
    expect((await context.root(fresh)).health).toBe('healthy');
  });

  it('rejects what belongs to a login, is older than a day, or is from tomorrow, even if correctly signed', async () => {
    const { id, userId } = await context.importConnection({ tenant: 'too-old' });
    const at = (seconds: number) => Math.floor(addSeconds(context.clock.now(), seconds).getTime() / 1000);
    const login = { user_id: userId, algorithm: 'HMAC-SHA256', issued_at: at(0), code: 'AQCode-of-a-login' };
    for (const text of [signedRequest(secret(), login), signed(userId, -86_400 - 301), signed(userId, 301)]) {
      const response = await post(path, text).expect(400);
      expect(response.body).toMatchObject({ code: 'invalid_request', errors: [{ path: 'signed_request' }] });
      expect(response.text).not.toContain('AQCode');
    }
    expect((await context.connection(id)).status).toBe('active');
    await post(path, signed(userId, 299)).expect(200);
    expect((await context.connection(id)).status).toBe('revoked');
  });

  it('answers a repeat like the first, even days later', async () => {
    const { userId } = await context.importConnection({ tenant: 'repeat' });
    const text = signed(userId);
    const first = await post(path, text).expect(200);
    context.clock.advance(3 * 86_400);
    expect((await post(path, text).expect(200)).body).toEqual(first.body);
  });

  it('confirms nothing if the same user has logged in for another tenant since', async () => {
    const one = await context.importConnection({ tenant: 'earlier' });
    const issued = signed(one.userId, 1);
    context.clock.advance(3600);
    const later = await again(one.token, 'later-tenant');
    await post(path, issued).expect(200);
    await whenIdle();
    expect(await context.connection(one.id)).toMatchObject({ status: 'revoked', provider_revocation: 'shared' });
    expect((await context.connection(later)).status).toBe('active');
  });

  it('stores no user id, not even before it is processed', async () => {
    const { userId } = await context.importConnection({ tenant: 'sealed' });
    const accepted = await context.replica.app.get(PrivacyRequestService).accept({
      kind: path === 'deauthorize' ? 'deauthorize' : 'data_deletion',
      payload: `sealed ${path}`,
      apps: { appIds: [context.sandbox.app.id], fallbackAppIds: [] },
      metaUserId: userId,
      issuedAt: context.clock.now(),
      requestId: 'req-sealed',
    });
    const rowOf = async () =>
      (
        await context.database.rows<{ text: string; user_secret_id: string | null }>({
          text: 'SELECT r::text AS text, user_secret_id FROM privacy_request r WHERE id = $1',
          values: [accepted.id],
        })
      )[0];
    const before = await rowOf();
    expect(before?.text).not.toContain(userId);
    if (accepted.confirmationCode !== null) expect(before?.text).not.toContain(accepted.confirmationCode);
    const secrets = () =>
      context.database.rows({ text: 'SELECT 1 FROM sealed_secret WHERE id = $1', values: [before?.user_secret_id] });
    expect(await secrets()).toHaveLength(1);
    await context.replica.app.get(PrivacyRequestProcessor).execute(accepted);
    expect((await rowOf())?.user_secret_id).toBeNull();
    expect(await secrets()).toEqual([]);
  });

  it('without a time is a reason to inspect, not to believe', async () => {
    const { id, userId } = await context.importConnection({ tenant: 'timeless' });
    await post(path, signedRequest(secret(), { user_id: userId, algorithm: 'HMAC-SHA256' })).expect(200);
    await whenIdle();
    expect((await context.connection(id)).status).toBe('active');
  });

  it('is limited to the app whose secret signed; the Meta app may sign for the apps inside it', async () => {
    const { app } = context.sandbox;
    const threads = await context.importConnection({ kind: 'threads_user', tenant: 'apps' });
    const user = await context.importConnection({ tenant: 'apps' });
    await post(path, signed(user.userId, 0, app.threadsAppSecret)).expect(200);
    await post(path, signed(threads.userId, 0, app.instagramAppSecret)).expect(200);
    expect((await context.connection(user.id)).status).toBe('active');
    expect((await context.connection(threads.id)).status).toBe('active');
    await post(path, signed(threads.userId, 1, app.threadsAppSecret)).expect(200);
    expect((await context.connection(threads.id)).status).toBe('revoked');
    const inside = await context.importConnection({ kind: 'instagram_user', tenant: 'apps' });
    const { subject_id: instagramId } = await context.root(inside.id);
    await post(path, signed(instagramId)).expect(200);
    expect((await context.connection(inside.id)).status).toBe('revoked');
  });

  it('resumes by itself after an interruption', async () => {
    const { id, userId } = await context.importConnection({ tenant: 'broken-off' });
    const store = context.replica.app.get(PrivacyRequestService);
    const accepted = await store.accept({
      kind: path === 'deauthorize' ? 'deauthorize' : 'data_deletion',
      payload: `broken off ${path}`,
      apps: { appIds: [context.sandbox.app.id], fallbackAppIds: [] },
      metaUserId: userId,
      issuedAt: context.clock.now(),
      requestId: 'req-broken',
    });
    expect((await context.connection(id)).status).toBe('active');
    context.clock.advance(31);
    await context.replica.app.get(PrivacyRequestResumeJob).resumeUnfinished();
    expect((await context.connection(id)).status).toBe('revoked');
    // And the call that was merely slow finds nothing left to do.
    const audited = (await context.audited('connection.revoked')).length;
    await context.replica.app.get(PrivacyRequestProcessor).execute(accepted);
    expect((await context.audited('connection.revoked')).length).toBe(audited);
  });

  it('is carried out by the background job even if others ahead of it keep failing', async () => {
    const { id, userId } = await context.importConnection({ tenant: 'behind' });
    const requests = context.replica.app.get(PrivacyRequestService);
    const accept = (metaUserId: string) =>
      requests.accept({
        kind: path === 'deauthorize' ? 'deauthorize' : 'data_deletion',
        payload: `${path} of ${metaUserId}`,
        apps: { appIds: [context.sandbox.app.id], fallbackAppIds: [] },
        metaUserId,
        issuedAt: context.clock.now(),
        requestId: 'req_behind',
      });
    const stuck = new Set<string>();
    for (let count = 0; count < 25; count++) {
      stuck.add((await accept(`stuck-${count}`)).id);
      context.clock.advance(1);
    }
    await accept(userId);
    context.clock.advance(31);
    const work = context.replica.app.get(PrivacyRequestProcessor);
    const execute = work.execute.bind(work);
    const failing = jest.spyOn(work, 'execute').mockImplementation((request) => {
      if (stuck.has(request.id)) throw new Error('stuck');
      return execute(request);
    });
    await context.replica.app.get(PrivacyRequestResumeJob).resumeUnfinished();
    failing.mockRestore();
    expect((await context.connection(id)).status).toBe('revoked');
    await context.replica.app.get(PrivacyRequestResumeJob).resumeUnfinished();
  });
});

describe('a data deletion', () => {
  const erase = async (userId: string) =>
    (await post('data-deletion', signed(userId)).expect(200)).body as { url: string; confirmation_code: string };
  const page = (code: string, accept = 'text/html') =>
    request(server()).get(`/data-deletion/${code}`).set('Accept', accept);

  it('erases the user from every table, and keeps the audit chain intact', async () => {
    const { id, userId, pageIds } = await context.importConnection({ tenant: 'erase', pages: 2 });
    const pageId = pageIds[0] ?? '';
    const [name] = await context.database.rows<{ subject_name: string }>({
      text: 'SELECT subject_name FROM credential WHERE connection_id = $1 AND is_root',
      values: [id],
    });
    const personal = [userId, pageId, name?.subject_name ?? 'no name'];
    await relay('page', { id: pageId, time: 1, message: 'a private message' });
    await relay('user', { id: userId, time: 1, changed_fields: ['email'] });
    const sealed = ['a private message', 'changed_fields'];
    for (const text of personal) expect(await everything(text)).not.toEqual([]);
    for (const text of sealed) expect(await readRelayedEvents(context.replica, text)).toHaveLength(1);
    await erase(userId);
    for (const text of personal) expect(await everything(text)).toEqual([]);
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
    expect(await secretsOf(id)).not.toEqual([]);
    context.sandbox.state.faults.clear();
    await relay('permissions', { id: userId, uid: userId, time: 7, changes: [] });
    expect(await readRelayedEvents(context.replica, userId)).toHaveLength(1);
    expect(await everything(userId)).toContain('connection');
    await erase(userId);
    expect(await everything(userId)).toEqual([]);
    expect(await readRelayedEvents(context.replica, userId)).toEqual([]);
    expect(await secretsOf(id)).toEqual([]);
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
      await relay('page', { id: pageIds[0], time: 1, message: `about ${pageIds[0]}` });
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
      expect(await everything(userId)).toEqual(expect.arrayContaining(isHashed ? [] : ['webhook_entry']));
      if (isHashed) expect(await everything(userId)).not.toContain('webhook_entry');
      expect(await readRelayedEvents(context.replica, 'of before')).toHaveLength(1);
      await erase(userId);
      expect(await readRelayedEvents(context.replica, 'of before')).toEqual([]);
    }
  });

  it('keeps a connection that the user made afterwards', async () => {
    const { id, userId } = await context.importConnection({ tenant: 'stays' });
    await post('data-deletion', signed(userId, -120)).expect(200);
    await whenIdle();
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
    const { port } = server().address() as { port: number };
    const url = `http://127.0.0.1:${port}/webhooks/meta/data-deletion`;
    const result = await context.sandbox.state.callbacks.signedRequest('data_deletion', url, userId, secret());
    expect(result.status).toBe(200);
    expect(JSON.parse(result.body)).toMatchObject({ confirmation_code: expect.stringMatching(/^[0-9a-f]{32}$/) });
    expect((await context.connection(id)).status).toBe('revoked');
  });
});

async function relay(object: string, entry: object): Promise<void> {
  const body = JSON.stringify({ object, entry: [entry] });
  await request(server())
    .post('/webhooks/meta')
    .type('json')
    .set('X-Hub-Signature-256', hubSignature(secret(), body))
    .send(body)
    .expect(200);
}
