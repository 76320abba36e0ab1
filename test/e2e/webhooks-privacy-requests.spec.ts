import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import request from 'supertest';
import { addSeconds } from '../../src/platform/clock.ts';
import { signedRequest } from '../../src/sandbox/state/callback-sender.ts';
import { PrivacyRequestService } from '../../src/webhooks/privacy-requests/privacy-request.service.ts';
import { PrivacyRequestProcessor } from '../../src/webhooks/privacy-requests/privacy-request-processor.ts';
import { PrivacyRequestResumeJob } from '../../src/webhooks/privacy-requests/privacy-request-resume.job.ts';
import { type LifecycleTestContext, openLifecycleTestContext } from '../support/lifecycle-test-context.ts';
import { type PrivacyRequests, privacyRequests } from '../support/privacy-requests.ts';

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

describe.each([['deauthorize'], ['data-deletion']])('POST /webhooks/meta/%s', (path) => {
  it('rejects what none of our secrets signed with 401, and changes nothing', async () => {
    const { id, userId } = await context.importConnection({ tenant: 'forged' });
    const good = privacy.signed(userId);
    const wrong = [
      privacy.signed(userId, 0, 'another secret'),
      `x${good}`,
      good.slice(good.indexOf('.')),
      good.replace('.', ''),
      'no request',
      signedRequest(privacy.secret(), { user_id: userId, algorithm: 'none', issued_at: 1 }),
    ];
    for (const text of wrong) {
      expect((await privacy.post(path, text).expect(401)).body).toMatchObject({ code: 'signature_invalid' });
    }
    expect((await context.connection(id)).status).toBe('active');
  });

  it('says what is missing, and accepts only forms', async () => {
    await request(privacy.server()).post(`/webhooks/meta/${path}`).type('form').send({ other: 'x' }).expect(400);
    await request(privacy.server()).post(`/webhooks/meta/${path}`).expect(400);
    await privacy.post(path, signedRequest(privacy.secret(), { algorithm: 'HMAC-SHA256', issued_at: 1 })).expect(400);
    await request(privacy.server())
      .post(`/webhooks/meta/${path}`)
      .type('text/plain')
      .send('signed_request=x')
      .expect(415);
  });

  it("ends all of the user's connections of the app at once, without asking Meta and without keeping a token", async () => {
    const one = await context.importConnection({ tenant: 'user-a', pages: 1 });
    const two = await privacy.again(one.token, 'user-b');
    const other = await context.importConnection({ tenant: 'user-a' });
    context.clock.advance(3600);
    const calls = context.sandbox.state.log.list().length;
    await privacy.post(path, privacy.signed(one.userId)).expect(200);
    for (const id of [one.id, two]) {
      expect(await context.connection(id)).toMatchObject({ status: 'revoked', provider_revocation: 'confirmed' });
      expect(await privacy.secretsOf(id)).toEqual([]);
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
    await privacy.post(path, privacy.signed(userId, -61)).expect(200);
    await privacy.whenIdle();
    expect((await context.connection(id)).status).toBe('active');
    expect(context.sandbox.state.log.list().length).toBeGreaterThan(checked);
    expect((await context.root(id)).subject_id).toBe(userId);
    context.sandbox.state.revokeGrant(userId);
    await privacy.post(path, privacy.signed(userId, -62)).expect(200);
    await privacy.whenIdle();
    expect((await context.connection(id)).status).toBe('reauth_required');
    // Within the minute it counts: clocks differ, and the login itself takes time.
    await privacy.post(path, privacy.signed(userId, -59)).expect(200);
    expect((await context.connection(id)).status).toBe('revoked');
  });

  it('changes nothing when replayed, even right after a new login', async () => {
    const { userId, token, id } = await context.importConnection({ tenant: 'replay' });
    const text = privacy.signed(userId);
    const first = await privacy.post(path, text).expect(200);
    expect((await context.connection(id)).status).toBe('revoked');
    context.clock.advance(30);
    const fresh = await privacy.again(token, 'replay');
    const padded = `${text.slice(0, text.indexOf('.'))}=${text.slice(text.indexOf('.'))}`;
    for (const replay of [text, padded])
      expect((await privacy.post(path, replay).expect(200)).body).toEqual(first.body);
    expect((await context.connection(fresh)).status).toBe('active');
    expect((await context.root(fresh)).health).toBe('healthy');
  });

  it('rejects what belongs to a login, is older than a day, or is from tomorrow, even if correctly signed', async () => {
    const { id, userId } = await context.importConnection({ tenant: 'too-old' });
    const at = (seconds: number) => Math.floor(addSeconds(context.clock.now(), seconds).getTime() / 1000);
    const login = { user_id: userId, algorithm: 'HMAC-SHA256', issued_at: at(0), code: 'AQCode-of-a-login' };
    for (const text of [
      signedRequest(privacy.secret(), login),
      privacy.signed(userId, -86_400 - 301),
      privacy.signed(userId, 301),
    ]) {
      const response = await privacy.post(path, text).expect(400);
      expect(response.body).toMatchObject({ code: 'invalid_request', errors: [{ path: 'signed_request' }] });
      expect(response.text).not.toContain('AQCode');
    }
    expect((await context.connection(id)).status).toBe('active');
    await privacy.post(path, privacy.signed(userId, 299)).expect(200);
    expect((await context.connection(id)).status).toBe('revoked');
  });

  it('answers a repeat like the first, even days later', async () => {
    const { userId } = await context.importConnection({ tenant: 'repeat' });
    const text = privacy.signed(userId);
    const first = await privacy.post(path, text).expect(200);
    context.clock.advance(3 * 86_400);
    expect((await privacy.post(path, text).expect(200)).body).toEqual(first.body);
  });

  it('confirms nothing if the same user has logged in for another tenant since', async () => {
    const one = await context.importConnection({ tenant: 'earlier' });
    const issued = privacy.signed(one.userId, 1);
    context.clock.advance(3600);
    const later = await privacy.again(one.token, 'later-tenant');
    await privacy.post(path, issued).expect(200);
    await privacy.whenIdle();
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
    await privacy
      .post(path, signedRequest(privacy.secret(), { user_id: userId, algorithm: 'HMAC-SHA256' }))
      .expect(200);
    await privacy.whenIdle();
    expect((await context.connection(id)).status).toBe('active');
  });

  it('is limited to the app whose secret signed; the Meta app may sign for the apps inside it', async () => {
    const { app } = context.sandbox;
    const threads = await context.importConnection({ kind: 'threads_user', tenant: 'apps' });
    const user = await context.importConnection({ tenant: 'apps' });
    await privacy.post(path, privacy.signed(user.userId, 0, app.threadsAppSecret)).expect(200);
    await privacy.post(path, privacy.signed(threads.userId, 0, app.instagramAppSecret)).expect(200);
    expect((await context.connection(user.id)).status).toBe('active');
    expect((await context.connection(threads.id)).status).toBe('active');
    await privacy.post(path, privacy.signed(threads.userId, 1, app.threadsAppSecret)).expect(200);
    expect((await context.connection(threads.id)).status).toBe('revoked');
    const inside = await context.importConnection({ kind: 'instagram_user', tenant: 'apps' });
    const { subject_id: instagramId } = await context.root(inside.id);
    await privacy.post(path, privacy.signed(instagramId)).expect(200);
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
