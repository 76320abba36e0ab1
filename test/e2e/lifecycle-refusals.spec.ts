import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { api, createServiceClient } from '../support/connect-test-context.ts';
import { DAY, type LifecycleTestContext, openLifecycleTestContext } from '../support/lifecycle-test-context.ts';

let context: LifecycleTestContext;

beforeAll(async () => {
  context = await openLifecycleTestContext();
});
// A throttle in one test would stop the next one's sweeps for a minute.
afterEach(() => {
  context.sandbox.state.faults.clear();
  context.clock.advance(120);
});
afterAll(() => context?.close());

const refresh = async (id: string) => {
  const response = await api(context).post(`/v1/connections/${id}/refresh`, {});
  expect(response.status).toBe(200);
  return response.body as Awaited<ReturnType<LifecycleTestContext['connection']>>;
};

describe('a refresh', () => {
  it.each([
    ['instagram_user', 'ig_refresh_token', 100],
    ['threads_user', 'th_refresh_token', 100],
    ['user', 'fb_exchange_token', 10],
    ['user', 'fb_exchange_token', 987654],
    ['system_user', 'fb_exchange_token', 368],
  ] as const)(
    '(%s, %s) refused with %d, which says nothing about the token, is inspected at once: a dead token ends the connection',
    async (kind, grantType, code) => {
      const { id, token } = await context.importConnection({ kind, expiresIn: 6 * DAY });
      context.clock.advance(DAY + 60);
      context.sandbox.state.invalidateToken(token, 460);
      context.fault({ kind: 'graph_error', code, type: 'IGApiException' }, { grantType }, null);
      expect(await refresh(id)).toMatchObject({
        status: 'reauth_required',
        status_reason: { meta: { code: 190, subcode: 460 } },
      });
    },
  );

  it.each([
    ['instagram_user', 'ig_refresh_token', 100, 'meta_refused'],
    ['user', 'fb_exchange_token', 10, 'meta_permission'],
    ['user', 'fb_exchange_token', 368, 'meta_blocked'],
  ] as const)(
    '(%s, %s) refused with %d while the token lives keeps the refusal as its failure',
    async (kind, grantType, code, failure) => {
      const { id } = await context.importConnection({ kind, expiresIn: 6 * DAY });
      context.clock.advance(DAY + 60);
      context.fault({ kind: 'graph_error', code, type: 'IGApiException' }, { grantType }, null);
      expect(await refresh(id)).toMatchObject({
        status: 'active',
        credentials: [{ version: 1, failure: { code: failure, meta: { code } } }],
      });
      await api(context).delete(`/v1/connections/${id}`).expect(200);
    },
  );

  it("refused while Meta can't be asked about the token either keeps the refusal, and is inspected within a minute", async () => {
    const { id, token } = await context.importConnection({ expiresIn: 6 * DAY });
    context.sandbox.state.invalidateToken(token, 460);
    context.fault({ kind: 'graph_error', code: 10 }, { grantType: 'fb_exchange_token' }, null);
    context.fault({ kind: 'status', status: 500 }, { pathPattern: 'debug_token' }, 3);
    expect(await refresh(id)).toMatchObject({
      status: 'active',
      credentials: [{ health: 'unknown', failure: { code: 'meta_permission', meta: { code: 10 } } }],
    });
    context.sandbox.state.faults.clear();
    context.clock.advance(120);
    await context.sweep.health('retries');
    expect(await context.connection(id)).toMatchObject({ status: 'reauth_required' });
  });

  it.each(['throttle', 'transient', 'configuration'] as const)(
    'that ends in a %s response inspects no token',
    async (what) => {
      const { id } = await context.importConnection({ expiresIn: 6 * DAY });
      context.sandbox.state.log.clear();
      const code = { throttle: 4, transient: 2, configuration: 101 }[what];
      context.fault({ kind: 'graph_error', code }, { grantType: 'fb_exchange_token' }, null);
      expect(await refresh(id)).toMatchObject({ status: 'active', credentials: [{ version: 1, failure: {} }] });
      expect(context.sandbox.state.log.list().filter(({ path }) => path.includes('debug_token'))).toEqual([]);
      await api(context).delete(`/v1/connections/${id}`).expect(200);
    },
  );

  it.each([0, undefined])('refused with 190 and subcode %s only makes the token suspect', async (subcode) => {
    const { id } = await context.importConnection({ expiresIn: 6 * DAY });
    const error = {
      message: 'x',
      type: 'OAuthException',
      code: 190,
      ...(subcode === undefined ? {} : { error_subcode: subcode }),
    };
    context.fault({ kind: 'status', status: 400, body: { error } }, { grantType: 'fb_exchange_token' });
    expect(await refresh(id)).toMatchObject({
      status: 'active',
      credentials: [{ failure: { code: 'token_doubted' } }],
    });
    expect((await refresh(id)).credentials[0]).toMatchObject({ version: 2, failure: null });
  });

  it('of Pages whose list Meta refuses has the user token inspected at once', async () => {
    const { id, token } = await context.importConnection({ expiresIn: 40 * DAY, pages: 1 });
    await context.database.run({
      text: `UPDATE credential SET refresh_after = $2, refresh_due_at = $2 WHERE connection_id = $1 AND kind = 'page'`,
      values: [id, context.clock.now()],
    });
    context.sandbox.state.invalidateToken(token, 460);
    context.fault({ kind: 'graph_error', code: 100 }, { pathPattern: 'me/accounts' }, null);
    await context.sweep.refresh();
    expect(await context.connection(id)).toMatchObject({ status: 'reauth_required' });
  });

  it('on demand, refused for a dead token, refuses the lease with reauth_required', async () => {
    const { id, token } = await context.importConnection({ tenant: 'on-demand', expiresIn: 2 * DAY });
    const { key } = await createServiceClient(context, { tenants: ['on-demand'], products: ['pages'] });
    context.sandbox.state.invalidateToken(token, 460);
    context.fault({ kind: 'graph_error', code: 100 }, { grantType: 'fb_exchange_token' }, null);
    const body = { tenant: 'on-demand', product: 'pages', min_valid_seconds: 5 * DAY };
    const { body: problem } = await api(context, key).post('/v1/leases', body).expect(409);
    expect(problem).toMatchObject({ code: 'reauth_required' });
    expect(await context.connection(id)).toMatchObject({ status: 'reauth_required' });
  });
});

describe('a revocation at Meta', () => {
  it('refused with a suspect token is confirmed if inspection finds the token dead', async () => {
    const { id, token } = await context.importConnection({ kind: 'system_user', expiresIn: null });
    const error = { message: 'x', type: 'OAuthException', code: 190, error_subcode: 0 };
    context.fault({ kind: 'status', status: 400, body: { error } }, { pathPattern: 'oauth/revoke' }, null);
    const { body } = await api(context).delete(`/v1/connections/${id}`).expect(200);
    expect(body).toMatchObject({ provider_revocation: 'pending' });
    context.sandbox.state.invalidateToken(token, 467);
    context.clock.advance(7 * 3600);
    await context.schedule.runUrgentWork();
    expect(await context.connection(id)).toMatchObject({ provider_revocation: 'confirmed' });
  });
});
