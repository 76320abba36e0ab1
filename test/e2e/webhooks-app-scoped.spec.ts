import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import type { ConnectionResponse } from '../../src/connections/connection/connection-response.dto.ts';
import { ImmediateInspectionService } from '../../src/lifecycle/inspection/immediate-inspection.service.ts';
import { hubSignature, signedRequest } from '../../src/sandbox/state/callback-sender.ts';
import { api } from '../support/connect-test-context.ts';
import { DAY, type LifecycleTestContext, openLifecycleTestContext } from '../support/lifecycle-test-context.ts';
import { readRelayedEvents } from '../support/relayed-events.ts';

let context: LifecycleTestContext;

beforeAll(async () => {
  context = await openLifecycleTestContext();
});
afterAll(() => context?.close());

const server = () => context.replica.app.getHttpServer();

/** A user with an account (`accountId`, which webhooks name) and an app-scoped id (`id`). */
function createUser(): { id: string; accountId: string; connect(): Promise<ConnectionResponse> } {
  const { make } = context.sandbox.state;
  const user = make.user({ kind: 'instagram_user' });
  const { accessToken } = make.token({ userId: user.id });
  const body = { tenant: 'acme', product: 'instagram', access_token: accessToken };
  const connect = async (): Promise<ConnectionResponse> =>
    (await api(context).post('/v1/connections/import', body).expect(201)).body as ConnectionResponse;
  return { id: user.id, accountId: user.accountId ?? '', connect };
}

function callback(kind: 'deauthorize' | 'data-deletion', userId: string) {
  const issued_at = Math.floor(context.clock.now().getTime() / 1000);
  const signed = { algorithm: 'HMAC-SHA256', user_id: userId, issued_at };
  const signed_request = signedRequest(context.sandbox.app.instagramAppSecret, signed);
  return request(server()).post(`/webhooks/meta/${kind}`).type('form').send({ signed_request }).expect(200);
}

describe('a connection made before app-scoped user ids were stored', () => {
  it('learns its id at the next inspection, and ends when Meta names it', async () => {
    const { id, connect } = createUser();
    const connection = await connect();
    await context.database.run({
      text: 'UPDATE connection SET app_scoped_user_id = NULL WHERE id = $1',
      values: [connection.id],
    });
    await callback('deauthorize', id);
    expect((await context.connection(connection.id)).status).toBe('active');
    context.clock.advance(2 * DAY);
    await context.sweep.health('due');
    await callback('deauthorize', id);
    expect((await context.connection(connection.id)).status).toBe('revoked');
  });

  it('learns it once, and does not write it again', async () => {
    const { connect } = createUser();
    const connection = await connect();
    const audited = (await context.audited('credential.checked')).length;
    const { updated_at: before } = await context.connection(connection.id);
    context.clock.advance(2 * DAY);
    await context.sweep.health('due');
    expect((await context.root(connection.id)).last_checked_at).toBe(context.clock.now().toISOString());
    expect((await context.connection(connection.id)).updated_at).toBe(before);
    expect(await context.audited('credential.checked')).toHaveLength(audited);
  });
});

describe('a data deletion that names the user by their app-scoped id', () => {
  it("also erases what arrived under their account's id before there was a connection", async () => {
    const { id, accountId, connect } = createUser();
    const text = JSON.stringify({
      object: 'user',
      entry: [{ id: accountId, time: 1, changes: [{ field: 'about', value: 'words of theirs' }] }],
    });
    await request(server())
      .post('/webhooks/meta')
      .type('json')
      .set('X-Hub-Signature-256', hubSignature(context.sandbox.app.secret, text))
      .send(text)
      .expect(200);
    await context.replica.app.get(ImmediateInspectionService).whenIdle();
    const kept = () => readRelayedEvents(context.replica, 'words of theirs');
    expect(await kept()).toHaveLength(1);
    await connect();
    context.clock.advance(1);
    await callback('data-deletion', id);
    expect(await kept()).toEqual([]);
    const entries = await context.database.rows({
      text: 'SELECT 1 FROM webhook_entry WHERE user_hash IS NOT NULL OR meta_user_id IS NOT NULL',
    });
    expect(entries).toEqual([]);
  });
});
