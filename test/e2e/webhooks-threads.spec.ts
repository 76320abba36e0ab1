import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import {
  type ImportedConnection,
  type LifecycleTestContext,
  openLifecycleTestContext,
} from '../support/lifecycle-test-context.ts';
import { readRelayedEvents } from '../support/relayed-events.ts';

let context: LifecycleTestContext;
let mine: ImportedConnection;
let theirs: ImportedConnection;

beforeAll(async () => {
  context = await openLifecycleTestContext();
  mine = await context.importConnection({ kind: 'threads_user', tenant: 'mine' });
  theirs = await context.importConnection({ kind: 'threads_user', tenant: 'theirs' });
});
afterAll(() => context?.close());

const app = () => context.sandbox.app;
const deliver = (body: string, secret = app().threadsAppSecret) =>
  request(context.replica.app.getHttpServer())
    .post('/webhooks/meta')
    .set('Content-Type', 'application/json')
    .set('X-Hub-Signature-256', `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`)
    .send(body);

/** As Meta sent one in September 2026, with a mark to find it by. */
const body = (mark: string, values: unknown, more: object = {}): string =>
  JSON.stringify({
    app_id: app().threadsAppId,
    topic: 'moderate',
    target_id: '17841400000000001',
    time: 1788249976,
    subscription_id: '1000000000000001',
    has_uid_field: false,
    mark,
    values,
    ...more,
  });
const reply = (ownerId: string) => ({
  value: { id: '17800000000000002', text: 'Great post!', root_post: { id: '17841400000000001', owner_id: ownerId } },
  field: 'replies',
});

const relayed = async (mark: string) =>
  (await readRelayedEvents(context.replica, mark)).map(({ id: _, data, ...event }) => ({
    ...event,
    data: JSON.parse(data) as Record<string, unknown>,
  }));

describe("Threads' webhooks", () => {
  it.each(['object', 'list'])('go to the tenant of the owner, once, with their values as an %s', async (shape) => {
    const one = reply(mine.userId);
    const text = body(`reply-${shape}`, shape === 'list' ? [one] : one);
    await deliver(text).expect(200);
    await deliver(text).expect(200);
    const events = await relayed(`reply-${shape}`);
    expect(events).toMatchObject([
      { tenant: 'mine', product: 'threads', connection_id: mine.id, data: { object: 'threads', asset: null } },
    ]);
    expect(events[0]?.data['entry']).toEqual(JSON.parse(text));
  });

  it("go by the owner of what was deleted, and by the target of a mention, even in another's thread", async () => {
    const deleted = { value: { id: '1', owner: { owner_id: theirs.userId } }, field: 'delete' };
    await deliver(body('deleted', deleted)).expect(200);
    expect(await relayed('deleted')).toMatchObject([{ tenant: 'theirs', connection_id: theirs.id }]);
    const mention = { ...reply(theirs.userId), field: 'mentions' };
    await deliver(body('mention', mention, { topic: 'interaction', target_id: mine.userId })).expect(200);
    expect(await relayed('mention')).toMatchObject([{ tenant: 'mine', connection_id: mine.id }]);
  });

  it('give each tenant its own values of a list about several', async () => {
    await deliver(body('several', [reply(mine.userId), reply(theirs.userId)])).expect(200);
    const events = await relayed('several');
    expect(events.map(({ tenant }) => tenant).sort()).toEqual(['mine', 'theirs']);
    for (const { tenant, data } of events) {
      const other = tenant === 'mine' ? theirs : mine;
      expect(JSON.stringify(data)).not.toContain(other.userId);
    }
  });

  it('of unknown owners are sent without a tenant', async () => {
    await deliver(body('stranger', reply('999'))).expect(200);
    expect(await relayed('stranger')).toMatchObject([
      { tenant: null, connection_id: null, data: { object: 'threads' } },
    ]);
  });

  it('are rejected if the app they name is ours and did not sign', async () => {
    for (const secret of [app().secret, app().instagramAppSecret]) {
      const response = await deliver(body('forged', reply(mine.userId)), secret).expect(401);
      expect(response.body.code).toBe('signature_invalid');
    }
    await deliver(body('forged', reply(mine.userId), { app_id: app().id })).expect(401);
    expect(await relayed('forged')).toEqual([]);
  });

  it('belong to nobody if another app signed, whatever app they name', async () => {
    for (const [index, appId] of ['4711', undefined].entries()) {
      await deliver(body(`nobody-${index}`, reply(mine.userId), { app_id: appId }), app().secret).expect(200);
      expect(await relayed(`nobody-${index}`)).toMatchObject([{ tenant: null, connection_id: null }]);
    }
    await deliver(body('unnamed', reply(mine.userId), { app_id: undefined })).expect(200);
    expect(await relayed('unnamed')).toMatchObject([{ tenant: 'mine' }]);
  });

  it('do not reach a user of the Meta app with the same id', async () => {
    const user = await context.importConnection({ tenant: 'facebook' });
    await deliver(body('same-id', reply(user.userId))).expect(200);
    expect(await relayed('same-id')).toMatchObject([{ tenant: null, connection_id: null }]);
  });
});
