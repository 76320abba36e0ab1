import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { api, createServiceClient } from '../support/connect-test-context.ts';
import { DAY, type LifecycleTestContext, openLifecycleTestContext } from '../support/lifecycle-test-context.ts';

const GENERATE = { method: 'POST', pathPattern: '/access_tokens$' };

describe('ROTATE_SYSTEM_USERS_DAYS', () => {
  let rotating: LifecycleTestContext;
  beforeAll(async () => {
    rotating = await openLifecycleTestContext({ ROTATE_SYSTEM_USERS_DAYS: '90' });
  });
  afterEach(async () => {
    rotating.sandbox.state.faults.clear();
    await rotating.revokeConnections();
  });
  afterAll(() => rotating?.close());
  const livesThere = async (token: string): Promise<boolean> => {
    const url = `${rotating.sandbox.url}/graph.facebook.com/v26.0/me`;
    return (await fetch(url, { headers: { authorization: `Bearer ${token}` } })).status === 200;
  };

  it('rotates tokens of that age, and revokes the old one when the leases that handed it out have ended', async () => {
    const { id, token } = await rotating.importConnection({ kind: 'system_user', expiresIn: null, tenant: 'old' });
    const { refresh_after: due } = await rotating.root(id);
    expect(Date.parse(due ?? '')).toBeGreaterThan(rotating.clock.now().getTime() + 89 * DAY * 1000);
    expect((await rotating.sweep.refresh()).claimed).toBe(0);
    rotating.clock.advance(90 * DAY + 60);
    const policy = { tenants: ['old'], products: ['whatsapp'], lease_modes: ['token'] };
    const { key } = await createServiceClient(rotating, policy);
    const lease = { tenant: 'old', product: 'whatsapp', mode: 'token', ttl_seconds: 900 };
    const leased = (await api(rotating, key).post('/v1/leases', lease).expect(201)).body as { access_token: string };
    expect(leased.access_token).toBe(token);
    expect(await rotating.sweep.refresh()).toMatchObject({ claimed: 1, done: 1 });
    expect(await rotating.root(id)).toMatchObject({ version: 2, expires_at: null, failure: null });
    await rotating.schedule.runUrgentWork();
    expect(await livesThere(token)).toBe(true);
    rotating.clock.advance(61);
    await rotating.schedule.runUrgentWork();
    expect(await livesThere(token)).toBe(true);
    rotating.clock.advance(900);
    await rotating.schedule.runUrgentWork();
    expect(await livesThere(token)).toBe(false);
    expect((await rotating.sweep.refresh()).claimed).toBe(0);
  });

  it('retries after a back-off if Meta refuses, and says why', async () => {
    const { id } = await rotating.importConnection({ kind: 'system_user', expiresIn: null, tenant: 'refused' });
    rotating.clock.advance(90 * DAY + 60);
    rotating.fault({ kind: 'graph_error', code: 368 }, GENERATE, null);
    await rotating.sweep.refresh();
    const { failure, version } = await rotating.root(id);
    expect([version, failure]).toMatchObject([1, { code: 'rotation_refused', next_attempt_at: expect.any(String) }]);
    expect((await rotating.sweep.refresh()).claimed).toBe(0);
    rotating.sandbox.state.faults.clear();
    rotating.clock.advance(7 * 3600);
    await rotating.sweep.refresh('retries');
    expect(await rotating.root(id)).toMatchObject({ version: 2, failure: null });
  });
});
