import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import type { ConnectionResponse } from '../../src/connections/connection/connection-response.dto.ts';
import { ImmediateInspectionService } from '../../src/lifecycle/inspection/immediate-inspection.service.ts';
import { hubSignature } from '../../src/sandbox/state/callback-sender.ts';
import { api } from '../support/connect-test-context.ts';
import { DAY, type LifecycleTestContext, openLifecycleTestContext } from '../support/lifecycle-test-context.ts';
import { readRelayedEvents } from '../support/relayed-events.ts';

let context: LifecycleTestContext;
let nextTime = 1;

beforeAll(async () => {
  context = await openLifecycleTestContext();
});
afterEach(() => {
  context.sandbox.state.faults.clear();
});
afterAll(() => context?.close());

const state = () => context.sandbox.state;
const whenIdle = () => context.replica.app.get(ImmediateInspectionService).whenIdle();

async function importToken(tenant: string, product: string, token: string): Promise<ConnectionResponse> {
  const response = await api(context).post('/v1/connections/import', { tenant, product, access_token: token });
  if (response.status !== 201) throw new Error(`${response.status} ${response.text}`);
  await whenIdle();
  return response.body as ConnectionResponse;
}

/** Another user with a task on the Page, imported for this tenant. */
async function member(tenant: string, pageId: string) {
  const user = state().make.user();
  state().make.role(user.id, pageId, { tasks: ['MANAGE', 'MESSAGING'] });
  const { accessToken } = state().make.token({ userId: user.id });
  return { id: (await importToken(tenant, 'pages', accessToken)).id, userId: user.id, token: accessToken };
}

/** The tenants that got an entry; `null` for entries of no tenant. */
async function recipients(
  object: string,
  entry: object,
  secret = context.sandbox.app.secret,
): Promise<(string | null)[]> {
  const mark = `mark-${nextTime++}`;
  const body = JSON.stringify({ object, entry: [{ time: nextTime, mark, ...entry }] });
  await request(context.replica.app.getHttpServer())
    .post('/webhooks/meta')
    .type('json')
    .set('X-Hub-Signature-256', hubSignature(secret, body))
    .send(body)
    .expect(200);
  const events = await readRelayedEvents(context.replica, `"${mark}"`);
  await whenIdle();
  return events.map(({ tenant }) => tenant).sort();
}
const message = (pageId: string) => ({ id: pageId, messaging: [{ sender: { id: '1' }, message: { text: 'hello' } }] });
const inspectAll = async () => {
  context.clock.advance(2 * DAY);
  await context.sweep.health('due');
};
const reasonOf = async (id: string) => (await context.connection(id)).status_reason?.code;
const lossesOf = async (id: string) =>
  (await context.events('connection.assets_changed'))
    .filter(({ connection_id: connectionId }) => connectionId === id)
    .flatMap(({ removed }) => removed);

describe('a Page connected by two tenants', () => {
  it('no longer belongs to one whose user removed the app, but still to the other', async () => {
    const page = state().make.page({ userIds: [] });
    const left = await member('left', page.id);
    await member('stays', page.id);
    expect(await recipients('page', message(page.id))).toEqual(['left', 'stays']);
    state().revokeGrant(left.userId);
    await inspectAll();
    expect(await reasonOf(left.id)).toBe('app_removed');
    expect(await recipients('page', message(page.id))).toEqual(['stays']);
    expect(await recipients('user', { id: left.userId, uid: left.userId })).toEqual([null]);
  });

  it('still belongs to one whose password changed or whose token expired', async () => {
    const page = state().make.page({ userIds: [] });
    const changed = await member('changed', page.id);
    const expired = await member('expired', page.id);
    state().changePassword(changed.userId);
    state().expireToken(expired.token);
    await inspectAll();
    expect([await reasonOf(changed.id), await reasonOf(expired.id)]).toEqual(['password_changed', 'expired']);
    expect(await recipients('page', message(page.id))).toEqual(['changed', 'expired']);
    expect(await recipients('user', { id: changed.userId, uid: changed.userId })).toEqual(['changed']);
    await api(context).delete(`/v1/connections/${changed.id}`).expect(200);
    expect(await recipients('page', message(page.id))).toEqual(['expired']);
  });

  it('does not belong to one who never had a task, or whose permissions were withdrawn', async () => {
    const taskless = state().make.user();
    const business = state().make.business({ userIds: [taskless.id] });
    const [id = ''] = state().make.pagesInBulk({ count: 1, businessId: business.id, relation: 'client' });
    const page = { id };
    await member('has-task', page.id);
    const { accessToken } = state().make.token({ userId: taskless.id });
    const listed = await importToken('taskless', 'pages', accessToken);
    expect(listed.assets).toMatchObject([{ id: page.id, usable: false }]);
    const withdrawn = await member('withdrawn', page.id);
    state().removeScope(withdrawn.userId, 'pages_read_engagement');
    await inspectAll();
    expect(await reasonOf(withdrawn.id)).toBe('scopes_missing');
    expect(await recipients('page', message(page.id))).toEqual(['has-task']);
    // The withdrawal itself concerns the user, who still has the app.
    const change = {
      id: withdrawn.userId,
      uid: withdrawn.userId,
      changes: [{ field: 'pages_messaging', verb: 'revoked' }],
    };
    expect(await recipients('permissions', change)).toEqual(['withdrawn']);
  });

  it('does not belong to one whose token for it is permanently lost', async () => {
    const page = state().make.page({ userIds: [] });
    await member('member', page.id);
    const former = await member('former', page.id);
    state().removePageRole(former.userId, page.id);
    await inspectAll();
    expect((await context.connection(former.id)).status).toBe('active');
    expect(await recipients('page', message(page.id))).toEqual(['member']);
  });

  it('is verified when somebody else connects it, and lost if it is out of reach', async () => {
    const page = state().make.page({ userIds: [] });
    const seller = await member('seller', page.id);
    const partner = await member('partner', page.id);
    state().removePageRole(seller.userId, page.id);
    await member('buyer', page.id);
    expect(await context.connection(seller.id)).toMatchObject({
      status: 'reauth_required',
      status_reason: { code: 'page_lost', remedy: expect.any(String) },
      assets: [],
    });
    expect(await lossesOf(seller.id)).toEqual([{ type: 'page', id: page.id }]);
    expect(await lossesOf(partner.id)).toEqual([]);
    expect((await context.connection(partner.id)).status).toBe('active');
    expect(await recipients('page', message(page.id))).toEqual(['buyer', 'partner']);
  });
});

describe('a webhook signed by an app inside the Meta app', () => {
  it("reaches nobody if such an app can't own its object, and holds up nothing", async () => {
    const { app } = context.sandbox;
    const page = state().make.page({ userIds: [] });
    const { userId } = await member('owner', page.id);
    const time = 1_700_000_000;
    for (const secret of [app.threadsAppSecret, app.instagramAppSecret]) {
      expect(await recipients('page', message(page.id), secret)).toEqual([null]);
      expect(await recipients('user', { id: userId, uid: userId }, secret)).toEqual([null]);
    }
    const entry = { ...message(page.id), time, mark: 'same-bytes' };
    const post = (secret: string) => {
      const body = JSON.stringify({ object: 'page', entry: [entry] });
      return request(context.replica.app.getHttpServer())
        .post('/webhooks/meta')
        .type('json')
        .set('X-Hub-Signature-256', hubSignature(secret, body))
        .send(body)
        .expect(200);
    };
    await post(app.threadsAppSecret);
    await post(app.secret);
    const events = await readRelayedEvents(context.replica, 'same-bytes');
    expect(new Set(events.map(({ tenant }) => tenant))).toEqual(new Set([null, 'owner']));
    expect(events).toHaveLength(2);
  });
});

describe('WhatsApp', () => {
  const SCOPES = ['whatsapp_business_management', 'whatsapp_business_messaging'];
  async function business(tenant: string, wabaIds?: string[]) {
    const { id: businessId } = state().make.business();
    const wabas = wabaIds ?? [state().make.waba({ businessId }).id];
    const { id: userId } = state().make.user({ kind: 'system_user', businessId });
    const targets = { whatsapp_business_management: wabas };
    const { accessToken } = state().make.token({ userId, scopes: SCOPES, expiresIn: null, targets });
    return { connect: () => importToken(tenant, 'whatsapp', accessToken), waba: wabas[0] ?? '', businessId };
  }
  const incoming = (waba: string, phone: string) => ({
    id: waba,
    changes: [{ field: 'messages', value: { metadata: { phone_number_id: phone }, messages: [{ id: 'wamid.1' }] } }],
  });

  it("gives a moved number's messages to its current account, and takes it from the other", async () => {
    const seller = await business('number-seller');
    const buyer = await business('number-buyer');
    const { id: phone } = state().make.phone({ wabaId: seller.waba });
    const { id: kept } = state().make.phone({ wabaId: seller.waba });
    const sold = await seller.connect();
    expect(await recipients('whatsapp_business_account', incoming(seller.waba, phone))).toEqual(['number-seller']);
    state().make.patchPhone(phone, { wabaId: buyer.waba });
    // Before anybody has reconnected it.
    expect(await recipients('whatsapp_business_account', incoming(buyer.waba, phone))).toEqual([null]);
    await buyer.connect();
    expect(await recipients('whatsapp_business_account', incoming(buyer.waba, phone))).toEqual(['number-buyer']);
    const after = await context.connection(sold.id);
    expect(after).toMatchObject({ status: 'active', status_reason: { code: 'phone_number_lost' } });
    expect(after.assets.map(({ id }) => id).sort()).toEqual([seller.waba, kept].sort());
    expect(await lossesOf(sold.id)).toEqual([{ type: 'phone_number', id: phone }]);
    expect(await recipients('whatsapp_business_account', incoming(seller.waba, kept))).toEqual(['number-seller']);
  });

  it('verifies an account when another owner connects it, and takes it from the one who lost it', async () => {
    const seller = await business('account-seller');
    const { id: phone } = state().make.phone({ wabaId: seller.waba });
    const sold = await seller.connect();
    const buyer = await business('account-buyer', [seller.waba]);
    const account = state().store.wabas.get(seller.waba);
    if (account !== undefined) account.businessId = buyer.businessId;
    await buyer.connect();
    expect(await context.connection(sold.id)).toMatchObject({
      status: 'reauth_required',
      status_reason: { code: 'whatsapp_account_lost' },
      assets: [],
    });
    expect(await lossesOf(sold.id)).toEqual(
      expect.arrayContaining([
        { type: 'whatsapp_business_account', id: seller.waba },
        { type: 'phone_number', id: phone },
      ]),
    );
    expect(await recipients('whatsapp_business_account', incoming(seller.waba, phone))).toEqual(['account-buyer']);
  });
});
