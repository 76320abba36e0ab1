import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { api, createSession, makeService, TestBrowser } from '../../support/connect-test-context.ts';
import { DAY, type LifecycleStage, lifecycleStage } from '../../support/lifecycle-test-context.ts';

let stage: LifecycleStage;
beforeAll(async () => {
  stage = await lifecycleStage();
});
afterAll(() => stage?.close());

const leaseOf = async (tenant: string) => {
  const { key } = await makeService(stage, { tenants: [tenant] });
  return api(stage, key).post('/v1/leases', { tenant, product: 'pages' });
};

describe('a scope that the person takes away later', () => {
  it.each([
    ['found by inspection', (id: string) => api(stage).post(`/v1/connections/${id}/check`, {}).expect(200)],
    ['found by a renewal', (id: string) => api(stage).post(`/v1/connections/${id}/refresh`, {}).expect(200)],
  ])(
    'and that the product needs, %s, is told on the connection, with leases, and asked for again',
    async (how, look) => {
      const tenant = how.replaceAll(' ', '-');
      const { id, userId } = await stage.imported({ tenant, expiresIn: 50 * DAY, pages: 1 });
      expect((await leaseOf(tenant)).body).not.toHaveProperty('missing_scopes');
      stage.sandbox.state.removeScope(userId, 'pages_read_engagement');
      stage.clock.advance(DAY);
      await look(id);
      const connection = await stage.connection(id);
      expect(connection).toMatchObject({
        status: 'active',
        declined_scopes: ['pages_read_engagement'],
        status_reason: {
          code: 'scopes_missing',
          detail: expect.stringContaining('pages_read_engagement'),
          remedy: expect.stringContaining('Connect again'),
        },
      });
      const lease = await leaseOf(tenant);
      expect([lease.status, lease.body.missing_scopes]).toEqual([201, ['pages_read_engagement']]);
      const session = await createSession(stage, { tenant });
      const dialog = await new TestBrowser(stage).open(session.connect_url);
      expect(dialog.searchParams.get('auth_type')).toBe('rerequest');
    },
  );

  it('but that the product does without, is declined only; given back, nothing is said any more', async () => {
    const { id, userId } = await stage.imported({ tenant: 'optional', pages: 1 });
    const required = ['pages_show_list', 'pages_read_engagement'];
    const { scopes } = await stage.connection(id);
    const optional = scopes.find((scope) => !required.includes(scope)) ?? '';
    stage.sandbox.state.removeScope(userId, optional);
    await api(stage).post(`/v1/connections/${id}/check`, {}).expect(200);
    expect(await stage.connection(id)).toMatchObject({ declined_scopes: [optional], status_reason: null });
    stage.sandbox.state.removeScope(userId, 'pages_show_list');
    await api(stage).post(`/v1/connections/${id}/check`, {}).expect(200);
    expect((await stage.connection(id)).status_reason).toMatchObject({ code: 'scopes_missing' });
    const grant = stage.sandbox.state.user(userId).grants[stage.sandbox.app.id];
    grant?.scopes.push('pages_show_list', optional);
    await api(stage).post(`/v1/connections/${id}/check`, {}).expect(200);
    expect(await stage.connection(id)).toMatchObject({ declined_scopes: [], status_reason: null });
  });
});
