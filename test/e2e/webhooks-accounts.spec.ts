import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import type { ConnectionView } from '../../src/connections/connection/connection-response.dto.ts';
import { AssetInspection } from '../../src/lifecycle/inspection/asset-inspection.service.ts';
import { PromptInspection } from '../../src/lifecycle/inspection/immediate-inspection.service.ts';
import { hubSignature, signedRequest } from '../../src/sandbox/state/callback-sender.ts';
import { api } from '../support/connect-test-context.ts';
import { type LifecycleStage, lifecycleStage } from '../support/lifecycle-test-context.ts';

const BUSINESS = '300000000000401';
const WHATSAPP = ['whatsapp_business_management', 'whatsapp_business_messaging'];
let stage: LifecycleStage;

beforeAll(async () => {
  stage = await lifecycleStage();
});
afterEach(() => {
  stage.sandbox.state.faults.clear();
});
afterAll(() => stage?.close());

async function imported(product: string, token: string): Promise<ConnectionView> {
  const answer = await api(stage).post('/v1/connections/import', { tenant: 'acme', product, access_token: token });
  if (answer.status !== 201) throw new Error(`${answer.status} ${answer.text}`);
  return answer.body as ConnectionView;
}

/** A business-integration token and the accounts that it names. */
async function whatsapp(accounts: number): Promise<{ connection: ConnectionView; wabas: string[] }> {
  const { make } = stage.sandbox.state;
  const wabas = Array.from({ length: accounts }, () => make.waba({ businessId: BUSINESS }).id);
  for (const wabaId of wabas) make.phone({ wabaId });
  const { id: userId } = make.user({ kind: 'system_user', businessId: BUSINESS });
  const targets = { whatsapp_business_management: wabas };
  const { accessToken } = make.token({ userId, scopes: WHATSAPP, expiresIn: null, targets });
  return { connection: await imported('whatsapp', accessToken), wabas };
}

async function deliver(object: string, entry: object, secret = stage.sandbox.app.secret): Promise<void> {
  const body = JSON.stringify({ object, entry: [entry] });
  await request(stage.replica.app.getHttpServer())
    .post('/webhooks/meta')
    .type('json')
    .set('X-Hub-Signature-256', hubSignature(secret, body))
    .send(body)
    .expect(200);
  await stage.replica.app.get(PromptInspection).settled();
}
const removed = (wabaId: string, time: number) => ({
  id: BUSINESS,
  time,
  changes: [{ field: 'account_update', value: { event: 'PARTNER_REMOVED', waba_info: { waba_id: wabaId } } }],
});
const outOfReach = (wabaId: string) =>
  stage.fault({ kind: 'graph_error', code: 100, subcode: 33 }, { method: 'GET', pathPattern: `/${wabaId}$` }, null);
const typesOf = ({ assets }: ConnectionView): string[] => assets.map(({ type, id }) => `${type} ${id}`);

describe('a WhatsApp account that its owner took away, while the token lives', () => {
  it('goes, with its numbers; without another the connection needs its person', async () => {
    const { connection, wabas } = await whatsapp(1);
    const [waba = ''] = wabas;
    outOfReach(waba);
    await deliver('whatsapp_business_account', removed(waba, 1));
    const after = await stage.connection(connection.id);
    expect(after).toMatchObject({
      status: 'reauth_required',
      status_reason: {
        code: 'whatsapp_account_lost',
        detail: expect.stringContaining(waba),
        remedy: expect.any(String),
        meta: { code: 100, subcode: 33 },
      },
      assets: [],
    });
    expect((await stage.root(connection.id)).health).toBe('healthy');
    const events = await stage.events('connection.reauth_required');
    expect(events).toContainEqual(expect.objectContaining({ connection_id: connection.id }));
    expect(await stage.audited('connection.asset_lost')).toContainEqual(
      expect.objectContaining({ type: 'whatsapp_business_account', code: 'whatsapp_account_lost' }),
    );
    // That the token lives is no recovery.
    stage.clock.advance(2 * 86_400);
    await stage.sweep.health('due');
    expect((await stage.connection(connection.id)).status).toBe('reauth_required');
  });

  it('leaves the others in use, and says what was lost', async () => {
    const { connection, wabas } = await whatsapp(2);
    const [gone = '', kept = ''] = wabas;
    outOfReach(gone);
    await deliver('whatsapp_business_account', removed(gone, 2));
    const after = await stage.connection(connection.id);
    expect(after).toMatchObject({ status: 'active', status_reason: { code: 'whatsapp_account_lost' } });
    expect(typesOf(after)).toContain(`whatsapp_business_account ${kept}`);
    expect(typesOf(after).join()).not.toContain(gone);
    expect(after.assets).toHaveLength(2);
  });

  it('is not believed where Meta still shows the account, and waits where Meta cannot be asked', async () => {
    const { connection, wabas } = await whatsapp(1);
    const [waba = ''] = wabas;
    await deliver('whatsapp_business_account', removed(waba, 3));
    expect(await stage.connection(connection.id)).toMatchObject({ status: 'active', status_reason: null });

    stage.fault({ kind: 'status', status: 500 }, { method: 'GET', pathPattern: `/${waba}$` }, null);
    await deliver('whatsapp_business_account', removed(waba, 4));
    expect((await stage.connection(connection.id)).status).toBe('active');
    stage.sandbox.state.faults.clear();
    outOfReach(waba);
    stage.clock.advance(61);
    await stage.replica.app.get(AssetInspection).look();
    expect((await stage.connection(connection.id)).status).toBe('reauth_required');
  });
});

describe("Instagram's people", () => {
  const person = async () => {
    const { make } = stage.sandbox.state;
    const user = make.user({ kind: 'instagram_user' });
    const { accessToken } = make.token({ userId: user.id });
    return { connection: await imported('instagram', accessToken), user };
  };
  const callback = (kind: 'deauthorize' | 'data-deletion', userId: string, secret: string) =>
    request(stage.replica.app.getHttpServer())
      .post(`/webhooks/meta/${kind}`)
      .type('form')
      .send({
        signed_request: signedRequest(secret, {
          algorithm: 'HMAC-SHA256',
          user_id: userId,
          issued_at: Math.floor(stage.clock.now().getTime() / 1000),
        }),
      });

  it('have the id of their account, and are known by the one that they have for our app', async () => {
    const { app } = stage.sandbox;
    // Which secret signs is not confirmed (META.md 20.12), nor which id is named.
    for (const [secret, name] of [
      [app.instagramAppSecret, 'app'],
      [app.secret, 'app'],
      [app.instagramAppSecret, 'account'],
      [app.secret, 'account'],
    ] as const) {
      const { connection, user } = await person();
      expect(connection.meta_user_id).toBe(user.accountId);
      await callback('deauthorize', name === 'app' ? user.id : (user.accountId ?? ''), secret).expect(200);
      expect((await stage.connection(connection.id)).status).toBe('revoked');
      stage.clock.advance(1);
    }
  });

  it('are erased under both ids', async () => {
    const { connection, user } = await person();
    await callback('data-deletion', user.id, stage.sandbox.app.instagramAppSecret).expect(200);
    const [row] = await stage.database.rows<{ text: string }>({
      text: 'SELECT c::text AS text FROM connection c WHERE id = $1',
      values: [connection.id],
    });
    expect(row?.text).toContain('revoked');
    for (const id of [user.id, user.accountId ?? '']) expect(row?.text).not.toContain(id);
  });

  it('are matched by events about persons, whichever id those name', async () => {
    const { connection, user } = await person();
    for (const [time, id] of [user.id, user.accountId].entries()) {
      const entry = { id, uid: id, time, changes: [{ field: 'connected', verb: 'revoked' }] };
      await deliver('permissions', entry, stage.sandbox.app.instagramAppSecret);
    }
    const events = await stage.events('meta.webhook');
    expect(events.filter((event) => event['connection_id'] === connection.id)).toHaveLength(2);
  });
});
