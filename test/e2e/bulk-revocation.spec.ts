import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { LifecycleJob } from '../../src/lifecycle/sweeps/lifecycle.job.ts';
import { api } from '../support/connect-test-context.ts';
import { type LifecycleTestContext, openLifecycleTestContext } from '../support/lifecycle-test-context.ts';

const MISSING = 'con_01jd0000000000000000000000';
let context: LifecycleTestContext;

beforeAll(async () => {
  context = await openLifecycleTestContext();
});
afterEach(() => context.revokeConnections());
afterAll(() => context?.close());

const revoke = (ids: unknown, key?: string) => api(context, key).post('/v1/connections/revoke', { ids });
const clientKey = async (role: string, tenants: string[]): Promise<string> =>
  (await api(context).post('/v1/clients', { name: role, role, tenants }).expect(201)).body.api_key as string;

describe('POST /v1/connections/revoke', () => {
  it('revokes each by itself, in the order of the ids, and has Meta asked afterwards', async () => {
    const [first, second] = [await context.importConnection(), await context.importConnection()];
    const { body } = await revoke([first.id, MISSING, second.id]).expect(200);
    const revoked = { status: 'revoked', leases_revoked: 0, provider_revocation: 'pending' };
    expect(body.results).toMatchObject([
      { connection: { id: first.id, ...revoked } },
      { problem: { status: 404, code: 'connection_not_found', request_id: expect.any(String) } },
      { connection: { id: second.id, ...revoked } },
    ]);
    for (const { id } of [first, second]) {
      expect(await context.connection(id)).toMatchObject({ status: 'revoked' });
      expect(await context.audited('connection.revoked', id)).toHaveLength(1);
    }
    await context.replica.app.get(LifecycleJob).runUrgentWork();
    for (const { id, userId } of [first, second]) {
      expect(await context.connection(id)).toMatchObject({ provider_revocation: 'confirmed' });
      expect(context.sandbox.state.user(userId).grants[context.sandbox.app.id]?.active).toBe(false);
    }
    const again = await revoke([first.id]).expect(200);
    expect(again.body.results).toMatchObject([{ connection: { id: first.id, provider_revocation: 'confirmed' } }]);
    expect(await context.audited('connection.revoked', first.id)).toHaveLength(1);
  });

  it('reaches no further than the policy of the caller', async () => {
    const [own, foreign] = [
      await context.importConnection({ tenant: 'own' }),
      await context.importConnection({ tenant: 'foreign' }),
    ];
    const key = await clientKey('tenant_admin', ['own']);
    const { body } = await revoke([own.id, foreign.id], key).expect(200);
    expect(body.results).toMatchObject([{ connection: { id: own.id } }, { problem: { code: 'connection_not_found' } }]);
    expect(await context.connection(foreign.id)).toMatchObject({ status: 'active' });
    await revoke([foreign.id], await clientKey('auditor', ['foreign'])).expect(403);
  });

  it.each([
    ['none', []],
    ['more than a hundred', Array.from({ length: 101 }, () => MISSING)],
    ['no list', 'con_1'],
    ['numbers', [1]],
  ])('refuses %s', async (_, ids) => {
    expect((await revoke(ids).expect(400)).body.code).toBe('invalid_request');
  });
});
