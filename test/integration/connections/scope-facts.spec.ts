import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { api, createServiceClient, createSession, TestBrowser } from '../../support/connect-test-context.ts';
import { DAY, type LifecycleTestContext, openLifecycleTestContext } from '../../support/lifecycle-test-context.ts';

let context: LifecycleTestContext;
beforeAll(async () => {
  context = await openLifecycleTestContext();
});
afterAll(() => context?.close());

const leaseOf = async (tenant: string) => {
  const { key } = await createServiceClient(context, { tenants: [tenant] });
  return api(context, key).post('/v1/leases', { tenant, product: 'pages' });
};

describe('a scope the user later revokes', () => {
  it.each([
    ['found by inspection', (id: string) => api(context).post(`/v1/connections/${id}/check`, {}).expect(200)],
    ['found by a refresh', (id: string) => api(context).post(`/v1/connections/${id}/refresh`, {}).expect(200)],
  ])(
    'and the product needs, %s, shows on the connection and with leases, and is requested again',
    async (how, look) => {
      const tenant = how.replaceAll(' ', '-');
      const { id, userId } = await context.importConnection({ tenant, expiresIn: 50 * DAY, pages: 1 });
      expect((await leaseOf(tenant)).body).not.toHaveProperty('missing_scopes');
      context.sandbox.state.removeScope(userId, 'pages_read_engagement');
      context.clock.advance(DAY);
      await look(id);
      const connection = await context.connection(id);
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
      const session = await createSession(context, { tenant });
      const dialog = await new TestBrowser(context).open(session.connect_url);
      expect(dialog.searchParams.get('auth_type')).toBe('rerequest');
    },
  );

  it('but the product can do without, is only listed as declined; once granted again, nothing is shown', async () => {
    const { id, userId } = await context.importConnection({ tenant: 'optional', pages: 1 });
    const required = ['pages_show_list', 'pages_read_engagement'];
    const { scopes } = await context.connection(id);
    const optional = scopes.find((scope) => !required.includes(scope)) ?? '';
    context.sandbox.state.removeScope(userId, optional);
    await api(context).post(`/v1/connections/${id}/check`, {}).expect(200);
    expect(await context.connection(id)).toMatchObject({ declined_scopes: [optional], status_reason: null });
    context.sandbox.state.removeScope(userId, 'pages_show_list');
    await api(context).post(`/v1/connections/${id}/check`, {}).expect(200);
    expect((await context.connection(id)).status_reason).toMatchObject({ code: 'scopes_missing' });
    const grant = context.sandbox.state.user(userId).grants[context.sandbox.app.id];
    grant?.scopes.push('pages_show_list', optional);
    await api(context).post(`/v1/connections/${id}/check`, {}).expect(200);
    expect(await context.connection(id)).toMatchObject({ declined_scopes: [], status_reason: null });
  });
});
