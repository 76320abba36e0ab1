import { createHmac } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { ImmediateInspectionService } from '../../src/lifecycle/inspection/immediate-inspection.service.ts';
import { type LifecycleTestContext, openLifecycleTestContext } from '../support/lifecycle-test-context.ts';
import { type RelayedEvent, readRelayedEvents } from '../support/relayed-events.ts';
import { readRecorded } from '../unit/meta/read-recorded.ts';

const VERIFY_TOKEN = 'a verify token | with 1 pipe';
const PREVIOUS_SECRET = 'the-secret-before-the-rotation';
let context: LifecycleTestContext;

beforeAll(async () => {
  context = await openLifecycleTestContext({
    META_WEBHOOK_VERIFY_TOKEN: VERIFY_TOKEN,
    META_APP_SECRET_PREVIOUS: PREVIOUS_SECRET,
  });
});
afterEach(() => {
  context.sandbox.state.faults.clear();
});
afterAll(() => context?.close());

const server = () => context.replica.app.getHttpServer();
const sign = (body: string | Buffer, secret = context.sandbox.app.secret): string =>
  `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
const deliver = (body: string, signature: string | null = sign(body)) => {
  const call = request(server()).post('/webhooks/meta').set('Content-Type', 'application/json');
  return (signature === null ? call : call.set('X-Hub-Signature-256', signature)).send(body);
};
const delivery = (object: string, ...entry: unknown[]): string => JSON.stringify({ object, entry });

/** Relayed events that contain this mark, as text. */
const relayed = (mark: string): Promise<RelayedEvent[]> => readRelayedEvents(context.replica, mark);
const whenIdle = () => context.replica.app.get(ImmediateInspectionService).whenIdle();

describe('GET /webhooks/meta', () => {
  it('answers the handshake with the challenge alone, as plain text', async () => {
    const response = await request(server())
      .get('/webhooks/meta')
      .query({ 'hub.mode': 'subscribe', 'hub.challenge': '1158201444', 'hub.verify_token': VERIFY_TOKEN })
      .expect(200);
    expect(response.text).toBe('1158201444');
    expect(response.headers['content-type']).toMatch(/^text\/plain/);
  });

  it('rejects a wrong verify token, a missing one and no query at all with 403', async () => {
    for (const token of ['wrong', '', undefined]) {
      const query = { 'hub.mode': 'subscribe', 'hub.challenge': '1158201444', 'hub.verify_token': token };
      const response = await request(server()).get('/webhooks/meta').query(query).expect(403);
      expect(response.body).toMatchObject({ code: 'handshake_refused', status: 403 });
      expect(response.text).not.toContain('1158201444');
    }
    await request(server()).get('/webhooks/meta').expect(403);
  });

  it("passes the sandbox's handshake", async () => {
    const url = await address();
    expect(await context.sandbox.state.callbacks.handshake(`${url}/webhooks/meta`, VERIFY_TOKEN)).toBe(true);
    expect(await context.sandbox.state.callbacks.handshake(`${url}/webhooks/meta`, 'wrong')).toBe(false);
  });
});

describe('POST /webhooks/meta', () => {
  it('accepts signatures of any of our app secrets', async () => {
    const { app } = context.sandbox;
    for (const secret of [app.secret, PREVIOUS_SECRET, app.instagramAppSecret, app.threadsAppSecret]) {
      const body = delivery('page', { id: '0', time: 1, mark: `signed-${secret.slice(0, 5)}` });
      await deliver(body, sign(body, secret)).expect(200);
      expect(await relayed(`signed-${secret.slice(0, 5)}`)).toHaveLength(1);
    }
  });

  it('rejects every other signature with 401, stores nothing, and audits a flood once a minute', async () => {
    const body = delivery('page', { id: '0', time: 1, mark: 'forged' });
    context.clock.advance(61);
    const before = (await context.audited('webhook.rejected')).length;
    const wrong = [
      null,
      '',
      'sha256=',
      sign(body, 'another secret'),
      sign(`${body} `),
      sign(body).slice(7),
      sign(body).slice(0, -2),
    ];
    for (const signature of wrong) {
      const response = await deliver(body, signature).expect(401);
      expect(response.body).toMatchObject({ code: 'signature_invalid' });
    }
    await request(server()).post('/webhooks/meta').expect(401);
    expect(await relayed('forged')).toEqual([]);
    expect((await context.audited('webhook.rejected')).length).toBe(before + 1);
    context.clock.advance(61);
    await deliver(body, null).expect(401);
    expect((await context.audited('webhook.rejected')).at(-1)).toEqual({
      callback: 'webhook',
      reason: 'signature',
      rejected_before: wrong.length,
    });
  });

  it('accepts every recorded payload, whatever its media type', async () => {
    for (const file of ['webhook_payloads_page_ig_user_permissions.json', 'webhook_payloads_whatsapp.json']) {
      for (const { body } of readRecorded<{ cases: { body: object }[] }>(file).cases) {
        const text = JSON.stringify(body);
        await request(server())
          .post('/webhooks/meta')
          .set('Content-Type', 'text/plain')
          .set('X-Hub-Signature-256', sign(text))
          .send(text)
          .expect(200);
      }
    }
  });

  it('relays the entry as Meta wrote it, digit by digit and escape by escape', async () => {
    const entry =
      '{"id":12345678901234567890123, "time":1.50e3,"mark":"exact-1","text":"\\u00e4\\ud83d\\u0000 \\/ \\"","n":[9007199254740993,-0.0]}';
    await deliver(`{"object":"page","entry":[${entry}]}`).expect(200);
    const [event] = await relayed('exact-1');
    expect(event).toMatchObject({ tenant: null, product: null, connection_id: null });
    expect(event?.data).toContain(`"entry":${entry}`);
  });

  it('drops repeated entries, by content, for eight days', async () => {
    const entry = { id: '0', time: 5, mark: 'repeat-1', url: 'a/b' };
    await deliver(delivery('page', entry)).expect(200);
    await deliver(delivery('page', entry)).expect(200);
    await deliver(`{ "entry": [ {"url":"a\\/b","time":5,"mark":"repeat-1","id":"0"} ], "object":"page" }`).expect(200);
    expect(await relayed('repeat-1')).toHaveLength(1);
    await deliver(delivery('page', entry, { ...entry, time: 6 })).expect(200);
    expect(await relayed('repeat-1')).toHaveLength(2);
    context.clock.advance(8 * 86_400 - 60);
    await deliver(delivery('page', entry)).expect(200);
    expect(await relayed('repeat-1')).toHaveLength(2);
    context.clock.advance(120);
    await deliver(delivery('page', entry)).expect(200);
    expect(await relayed('repeat-1')).toHaveLength(3);
  });

  it('stores simultaneous repeats once', async () => {
    const body = delivery('page', ...[1, 2, 3, 4].map((time) => ({ id: '0', time, mark: 'race-1' })));
    const responses = await Promise.all(Array.from({ length: 8 }, () => deliver(body)));
    expect(responses.map(({ status }) => status)).toEqual(Array(8).fill(200));
    expect(await relayed('race-1')).toHaveLength(4);
  });

  it('gives an entry to every live connection with its asset, whatever the tenant', async () => {
    const one = await context.importConnection({ tenant: 'tenant-a', pages: 1 });
    const pageId = one.pageIds[0] ?? '';
    const two = await context.importConnection({ tenant: 'tenant-b', pages: 1 });
    await context.database.run({
      text: 'UPDATE asset SET id = $2 WHERE connection_id = $1',
      values: [two.id, pageId],
    });
    await deliver(delivery('page', { id: pageId, time: 1, mark: 'assets-1' })).expect(200);
    const events = await relayed('assets-1');
    expect(events.map(({ tenant, product, connection_id: id }) => [tenant, product, id])).toEqual(
      [
        ['tenant-a', 'pages', one.id],
        ['tenant-b', 'pages', two.id],
      ].sort((a, b) => ((a[2] ?? '') < (b[2] ?? '') ? -1 : 1)),
    );
    expect(JSON.parse(events[0]?.data ?? '')).toMatchObject({ object: 'page', asset: { type: 'page', id: pageId } });
    // The same id of another kind of object is a different thing.
    await deliver(delivery('instagram', { id: pageId, time: 1, mark: 'assets-2' })).expect(200);
    expect(await relayed('assets-2')).toMatchObject([{ tenant: null, connection_id: null }]);
  });

  it('accepts a thousand entries at once, within two seconds on an idle machine', async () => {
    const { pageIds, id } = await context.importConnection({ tenant: 'many', pages: 1 });
    const text = 'ä'.repeat(500);
    const entries = Array.from({ length: 1000 }, (_, time) => ({ id: pageIds[0], time, mark: 'many-1', text }));
    const body = delivery('page', ...entries);
    expect(Buffer.byteLength(body)).toBeGreaterThan(1024 * 1024);
    const startedAt = performance.now();
    await deliver(body).expect(200);
    // This whole test took 0.8 s on an idle machine; the limit is generous for a busy one.
    expect(performance.now() - startedAt).toBeLessThan(4000);
    const events = await relayed('many-1');
    expect(events).toHaveLength(1000);
    expect(new Set(events.map(({ connection_id: connectionId }) => connectionId))).toEqual(new Set([id]));
  });

  it('treats a thousand changes of one entry as one, and repeats of it as none', async () => {
    const changes = Array.from({ length: 1000 }, (_, index) => ({
      field: 'feed',
      value: { item: 'post', post_id: index },
    }));
    const body = delivery('page', { id: '0', time: 7, mark: 'changes-1', changes });
    for (let times = 0; times < 3; times++) await deliver(body).expect(200);
    const events = await relayed('changes-1');
    expect(events).toHaveLength(1);
    expect((JSON.parse(events[0]?.data ?? '') as { entry: { changes: unknown[] } }).entry.changes).toHaveLength(1000);
  });

  it('rejects signed bodies that are not JSON with 400, and stores nothing', async () => {
    for (const body of ['{"object":"page","entry":[{"mark":"broken-1"}', '[]', 'null', '']) {
      await deliver(body).expect(400);
    }
    expect(await relayed('broken-1')).toEqual([]);
  });

  it('does not respond 200 if the database fails', async () => {
    await context.database.run({
      text: `ALTER TABLE webhook_entry ADD CONSTRAINT refuse CHECK (object <> 'user') NOT VALID`,
    });
    const body = delivery('user', { id: '0', time: 99, mark: 'refused-1' });
    await deliver(body).expect(500);
    expect(await relayed('refused-1')).toEqual([]);
    await context.database.run({ text: 'ALTER TABLE webhook_entry DROP CONSTRAINT refuse' });
    await deliver(body).expect(200);
    expect(await relayed('refused-1')).toHaveLength(1);
  });

  it('accepts bodies of up to 4 MiB', async () => {
    const body = `{"object":"page","entry":[],"fill":"${'x'.repeat(4 * 1024 * 1024)}"}`;
    await deliver(body).expect(413);
  });

  it('counts by object and outcome, with our own labels only', async () => {
    await deliver(delivery('<script>', { id: '0', time: 1, mark: 'count-1' })).expect(200);
    const repeated = delivery('page', { id: '0', time: 1, mark: 'count-2' });
    for (let times = 0; times < 2; times++) await deliver(repeated).expect(200);
    await deliver(repeated, sign(repeated, 'another secret')).expect(401);
    const { text } = await request(server()).get('/metrics').expect(200);
    expect(text).toMatch(/metavault_webhook_entries_total\{object="other",outcome="unmatched"\} \d+/);
    expect(text).toMatch(/metavault_webhook_entries_total\{object="page",outcome="repeated"\} \d+/);
    expect(text).toMatch(/metavault_meta_callbacks_total\{callback="webhook",outcome="signature"\} \d+/);
    expect(text).not.toContain('script>');
  });
});

describe('an entry saying that access is gone', () => {
  const permissions = (userId: string, time: number): string =>
    delivery('permissions', { id: userId, uid: userId, time, changes: [{ field: 'connected', verb: 'revoked' }] });

  it('is verified, and the connection ends if it is true', async () => {
    const { id, userId } = await context.importConnection({ tenant: 'gone' });
    context.sandbox.state.revokeGrant(userId);
    await deliver(permissions(userId, 1)).expect(200);
    await whenIdle();
    expect((await context.connection(id)).status).toBe('reauth_required');
    expect(await relayed(userId)).toMatchObject([{ tenant: 'gone', connection_id: id }]);
  });

  it('changes nothing if it is not', async () => {
    const { id, userId } = await context.importConnection({ tenant: 'alive' });
    const checkedBefore = (await context.root(id)).last_checked_at;
    context.clock.advance(60);
    await deliver(permissions(userId, 1)).expect(200);
    await whenIdle();
    expect((await context.connection(id)).status).toBe('active');
    const { last_checked_at: checkedAt, health } = await context.root(id);
    expect(health).toBe('healthy');
    expect(checkedAt).not.toBe(checkedBefore);
  });

  it('from a WhatsApp partner is verified, by the account it names', async () => {
    const { id, userId } = await context.importConnection({ kind: 'system_user', tenant: 'waba', expiresIn: null });
    await context.database.run({
      text: `INSERT INTO asset (connection_id, type, id, credential_id)
        SELECT connection_id, 'whatsapp_business_account', '31999', id FROM credential WHERE connection_id = $1 AND is_root`,
      values: [id],
    });
    context.sandbox.state.revokeGrant(userId);
    const value = { event: 'PARTNER_REMOVED', waba_info: { waba_id: '31999' } };
    await deliver(
      delivery('whatsapp_business_account', { id: '777', changes: [{ field: 'account_update', value }] }),
    ).expect(200);
    await whenIdle();
    expect((await context.connection(id)).status).toBe('reauth_required');
  });

  it("waits on the row if Meta can't be asked at once, for the sweep of each minute", async () => {
    const { id, userId } = await context.importConnection({ tenant: 'later' });
    context.sandbox.state.revokeGrant(userId);
    context.fault({ kind: 'status', status: 500 }, undefined, 100);
    await deliver(permissions(userId, 1)).expect(200);
    await whenIdle();
    expect((await context.connection(id)).status).toBe('active');
    context.sandbox.state.faults.clear();
    context.clock.advance(3600);
    await context.sweep.health('due');
    expect((await context.connection(id)).status).toBe('reauth_required');
  });
});

async function address(): Promise<string> {
  const { app } = context.replica;
  if (app.getHttpServer().listening === false)
    await app.getHttpAdapter().getInstance().listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.getHttpServer().address() as { port: number };
  return `http://127.0.0.1:${port}`;
}
