import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { ConnectionResponse } from '../../src/connections/connection/connection-response.dto.ts';
import { CredentialClaimRepository } from '../../src/connections/credentials/credential-claim.repository.ts';
import { CredentialVersionService } from '../../src/connections/credentials/credential-version.service.ts';
import { TokenRevoker } from '../../src/lifecycle/rotation/token-revoker.ts';
import { TokenRotator } from '../../src/lifecycle/rotation/token-rotator.ts';
import { api, createServiceClient } from '../support/connect-test-context.ts';
import {
  DAY,
  type ImportedConnection,
  type LifecycleTestContext,
  openLifecycleTestContext,
} from '../support/lifecycle-test-context.ts';

const GENERATE = { method: 'POST', pathPattern: '/access_tokens$' };
const INSTALL = { method: 'POST', pathPattern: '/applications$' };
const REVOKE = { pathPattern: 'oauth/revoke$' };
let context: LifecycleTestContext;

beforeAll(async () => {
  context = await openLifecycleTestContext();
});
afterEach(async () => {
  context.sandbox.state.faults.clear();
  await context.revokeConnections();
  // What a test left to be revoked is due by then.
  context.clock.advance(7 * 3600);
  await revokeDue();
  context.sandbox.state.log.clear();
});
afterAll(() => context?.close());

const endless = (tenant = 'acme'): Promise<ImportedConnection> =>
  context.importConnection({ kind: 'system_user', expiresIn: null, tenant });
const post = (id: string, body: object = {}) => api(context).post(`/v1/connections/${id}/rotate`, body);
const rotate = async (id: string, body: object = {}): Promise<ConnectionResponse> => {
  const response = await post(id, body);
  expect([response.status, response.text]).toEqual([200, expect.any(String)]);
  return response.body as ConnectionResponse;
};
const serving = async (id: `con_${string}`): Promise<string> => {
  const root = await context.replica.app.get(CredentialClaimRepository).findRoot(id);
  if (root === null) throw new Error(`${id} has no credential`);
  return (await context.replica.app.get(CredentialVersionService).openCurrent(root))?.expose() ?? '';
};
/** Whether Meta accepts the token. */
const lives = async (token: string): Promise<boolean> => {
  const url = `${context.sandbox.url}/graph.facebook.com/v26.0/me`;
  return (await fetch(url, { headers: { authorization: `Bearer ${token}` } })).status === 200;
};
const toRevoke = (id: string) =>
  context.database.rows<{ secret_id: string; attempts: number }>({
    text: `SELECT secret_id, attempts FROM token_revocation WHERE connection_id = $1`,
    values: [id],
  });
const orphans = () =>
  context.database.rows({
    text: `SELECT id FROM sealed_secret s WHERE NOT EXISTS (SELECT 1 FROM credential c WHERE c.secret_id = s.id)
      AND NOT EXISTS (SELECT 1 FROM credential_version v WHERE v.secret_id = s.id)
      AND NOT EXISTS (SELECT 1 FROM token_revocation r WHERE r.secret_id = s.id)
      AND NOT EXISTS (SELECT 1 FROM provider_revocation p WHERE p.secret_id = s.id)`,
  });
const calls = (pattern: RegExp) => context.sandbox.state.log.list().filter(({ path }) => pattern.test(path));
const revokeDue = () => context.replica.app.get(TokenRevoker).processDue(() => false);

describe('POST /v1/connections/{id}/rotate', () => {
  it('starts using a fresh token and revokes the old one at Meta', async () => {
    const { id, token } = await endless();
    const connection = await rotate(id);
    expect(connection.credentials[0]).toMatchObject({ version: 2, expires_at: null, failure: null, health: 'healthy' });
    const fresh = await serving(id);
    expect(fresh).not.toBe(token);
    expect([await lives(token), await lives(fresh)]).toEqual([false, true]);
    expect(await toRevoke(id)).toEqual([]);
    expect(await orphans()).toEqual([]);
    expect(await context.events('connection.refreshed')).toContainEqual(
      expect.objectContaining({ connection_id: id, credential_version: 2, expires_at: null }),
    );
    for (const action of ['credential.rotation_requested', 'credential.rotated', 'credential.token_revoked'])
      expect(await context.audited(action, id)).toHaveLength(1);
    expect(connection.scopes).toEqual((await context.connection(id)).scopes);
  });

  it('generates an expiring token if requested, or if the old one expires', async () => {
    const { id } = await endless();
    const [root] = (await rotate(id, { set_token_expires_in_60_days: true })).credentials;
    expect(Date.parse(root?.expires_at ?? '')).toBeGreaterThan(context.clock.now().getTime() + 59 * DAY * 1000);
    expect(root?.refresh_after).not.toBeNull();
    const again = await rotate(id);
    expect(again.credentials[0]).toMatchObject({ version: 3, expires_at: expect.any(String) });
    expect((await rotate(id, { set_token_expires_in_60_days: false })).credentials[0]).toMatchObject({
      version: 4,
      expires_at: null,
    });
  });

  it('refuses connections of other kinds, dead and revoked ones, and an invalid body', async () => {
    const user = await context.importConnection();
    const refused = await post(user.id).expect(409);
    expect(refused.body).toMatchObject({ code: 'not_rotatable', remedy: expect.stringContaining('refresh') });
    const { id, token } = await endless();
    const bad = await post(id, { set_token_expires_in_60_days: 'yes' }).expect(400);
    expect(bad.body.errors).toMatchObject([{ path: 'set_token_expires_in_60_days' }]);
    context.sandbox.state.invalidateToken(token, 460);
    await api(context).post(`/v1/connections/${id}/check`, {}).expect(200);
    expect((await post(id).expect(409)).body).toMatchObject({ code: 'reauth_required' });
    await api(context).delete(`/v1/connections/${id}`).expect(200);
    expect((await post(id).expect(409)).body).toMatchObject({ code: 'connection_revoked' });
    expect((await post('con_00000000000000000000000000').expect(404)).body).toMatchObject({
      code: 'connection_not_found',
    });
    const { key } = await createServiceClient(context, { tenants: ['acme'], products: ['whatsapp'] });
    await api(context, key).post(`/v1/connections/${id}/rotate`, {}).expect(403);
  });

  it.each([
    ['fewer scopes', { kind: 'fewer_scopes' }, 'renewal_fewer_scopes'],
    ['another user', { kind: 'other_user' }, 'renewal_other_user'],
    ['HTML', { kind: 'html', status: 200 }, 'meta_unavailable'],
    ['a throttle', { kind: 'throttle', code: 4 }, 'meta_throttled'],
  ] as const)('that returns %s promotes nothing and revokes no serving token', async (_, fault, code) => {
    const { id, token } = await endless();
    context.fault(fault, GENERATE);
    expect((await rotate(id)).credentials[0]).toMatchObject({ version: 1, failure: { code, next_attempt_at: null } });
    expect([await serving(id), await lives(token)]).toEqual([token, true]);
    context.clock.advance(3600);
    await revokeDue();
    expect(await toRevoke(id)).toEqual([]);
    expect((await context.sweep.refresh()).claimed).toBe(0);
    expect((await rotate(id)).credentials[0]).toMatchObject({ version: 2, failure: null });
  });

  it('that returns the same token again does not count', async () => {
    const { id, token } = await endless();
    context.fault({ kind: 'status', status: 200, body: { access_token: token } }, GENERATE);
    expect((await rotate(id)).credentials[0]).toMatchObject({ version: 1, failure: { code: 'rotation_same_token' } });
    expect([await toRevoke(id), await lives(token)]).toEqual([[], true]);
  });

  it('that returns an expiring token, though none was requested, revokes that one', async () => {
    const { id, userId, token } = await endless();
    const { accessToken: ending } = context.sandbox.state.make.token({ userId, expiresIn: DAY });
    context.fault({ kind: 'status', status: 200, body: { access_token: ending } }, GENERATE);
    expect((await rotate(id)).credentials[0]).toMatchObject({ version: 1, failure: { code: 'rotation_expires' } });
    expect([await lives(ending), await lives(token), await serving(id)]).toEqual([false, true, token]);
  });

  it('does not repeat the generation if there was no response', async () => {
    const { id, token } = await endless();
    context.fault({ kind: 'drop_after_commit' }, GENERATE);
    expect((await rotate(id)).credentials[0]).toMatchObject({ version: 1, failure: { code: 'meta_unavailable' } });
    expect(calls(/access_tokens$/)).toHaveLength(1);
    expect(await lives(token)).toBe(true);
  });

  it.each([100, 200, 10])('installs the app if a refusal (%d) may mean that it is not installed', async (code) => {
    const { id } = await endless();
    context.fault({ kind: 'graph_error', code }, GENERATE);
    expect((await rotate(id)).credentials[0]).toMatchObject({ version: 2, failure: null });
    expect(calls(/applications$/)).toHaveLength(1);
  });

  it.each([
    ['no permission', 200, 'a permission is missing'],
    ['compulsory end', 100, 'set_token_expires_in_60_days'],
    ['two-factor authentication', 415, 'two-factor'],
    ['a policy', 368, 'policy'],
    ['an unknown code', 987654, '60 days'],
  ] as const)('says why Meta refuses: %s (%d)', async (_, code, words) => {
    const { id } = await endless();
    context.fault({ kind: 'graph_error', code }, GENERATE, null);
    context.fault({ kind: 'graph_error', code: 200 }, INSTALL, null);
    const connection = await rotate(id);
    expect(connection).toMatchObject({
      status: 'active',
      credentials: [{ version: 1, failure: { code: 'rotation_refused', meta: { code } } }],
    });
    expect(connection.credentials[0]?.failure?.detail).toContain(words);
    expect(await context.audited('credential.rotation_failed', id)).toContainEqual(
      expect.objectContaining({ code: 'rotation_refused', meta: expect.objectContaining({ code }) }),
    );
  });

  it('finds a dead token before requesting another, and after a refusal', async () => {
    const first = await endless();
    context.sandbox.state.invalidateToken(first.token, 460);
    expect(await rotate(first.id)).toMatchObject({
      status: 'reauth_required',
      status_reason: { meta: { subcode: 460 } },
    });
    expect(calls(/access_tokens$/)).toEqual([]);
    const second = await endless();
    context.fault({ kind: 'graph_error', code: 190 }, GENERATE);
    expect(await rotate(second.id)).toMatchObject({
      status: 'active',
      credentials: [{ failure: { code: 'rotation_refused' } }],
    });
  });

  it('requested twice at once runs once: both end with it', async () => {
    const { id } = await endless();
    const [a, b] = await Promise.all([rotate(id), rotate(id)]);
    expect([a.credentials[0]?.failure, b.credentials[0]?.failure]).toEqual([null, null]);
    const { version } = await context.root(id);
    expect(await toRevoke(id)).toEqual([]);
    expect(calls(/access_tokens$/)).toHaveLength(version - 1);
  });

  it('first finishes a refresh in progress', async () => {
    const { id, userId, token } = await context.importConnection({ kind: 'system_user', expiresIn: 5 * DAY });
    const claims = context.replica.app.get(CredentialClaimRepository);
    const root = await claims.findRoot(id);
    const claimed = await claims.claimOne(root?.id ?? 'crd_', 60);
    if (claimed === null) throw new Error('no claim');
    const { accessToken } = context.sandbox.state.make.token({ userId, expiresIn: 60 * DAY });
    const { SecretString } = await import('../../src/platform/secret-string.ts');
    const reported = { expiresAt: null, scopes: null };
    await context.replica.app
      .get(CredentialVersionService)
      .storePending(claimed, new SecretString(accessToken), reported);
    await claims.release([claimed]);
    expect((await rotate(id)).credentials[0]).toMatchObject({ version: 3, failure: null });
    // What a refresh replaced lives until its expiry; what the rotation replaced is revoked.
    expect([await lives(token), await lives(accessToken), await lives(await serving(id))]).toEqual([true, false, true]);
  });
});

describe('the old token', () => {
  it('is revoked later if Meta does not do it now, which the credential shows meanwhile', async () => {
    const { id, token } = await endless();
    context.fault({ kind: 'status', status: 503 }, REVOKE, null);
    expect((await rotate(id)).credentials[0]).toMatchObject({
      version: 2,
      failure: { code: 'old_token_not_revoked', attempts: 1, next_attempt_at: expect.any(String) },
    });
    expect(await toRevoke(id)).toMatchObject([{ attempts: 1 }]);
    expect(await lives(token)).toBe(true);
    await revokeDue();
    context.sandbox.state.faults.clear();
    context.clock.advance(7 * 3600);
    await revokeDue();
    expect([await toRevoke(id), await lives(token)]).toEqual([[], false]);
    expect(await context.root(id)).toMatchObject({ version: 2, failure: null });
    expect(await orphans()).toEqual([]);
  });

  it('counts as revoked if Meta refuses because it is dead already, whatever the code', async () => {
    const { id, token } = await endless();
    context.fault({ kind: 'status', status: 503 }, REVOKE, 3);
    await rotate(id);
    context.sandbox.state.invalidateToken(token, 467);
    context.fault({ kind: 'graph_error', code: 100 }, REVOKE, null);
    context.clock.advance(7 * 3600);
    await revokeDue();
    expect(await toRevoke(id)).toEqual([]);
  });

  it('remains to be revoked if Meta refuses while it lives', async () => {
    const { id, token } = await endless();
    context.fault({ kind: 'graph_error', code: 200 }, REVOKE, null);
    expect((await rotate(id)).credentials[0]?.failure).toMatchObject({
      code: 'old_token_not_revoked',
      meta: { code: 200 },
    });
    expect([await toRevoke(id), await lives(token)]).toMatchObject([[{}], true]);
  });

  it('has the serving token inspected if that is refused', async () => {
    const { id } = await endless();
    context.fault({ kind: 'status', status: 503 }, REVOKE, 3);
    await rotate(id);
    context.sandbox.state.invalidateToken(await serving(id), 460);
    context.clock.advance(7 * 3600);
    await revokeDue();
    expect(await context.connection(id)).toMatchObject({ status: 'reauth_required' });
    expect(await toRevoke(id)).toEqual([]);
  });

  it('is never revoked while it serves another connection', async () => {
    const { id, token } = await endless('one');
    const body = { tenant: 'two', product: 'whatsapp', access_token: token };
    const other = (await api(context).post('/v1/connections/import', body).expect(201)).body as ConnectionResponse;
    expect((await rotate(id)).credentials[0]?.failure).toMatchObject({
      code: 'old_token_not_revoked',
      detail: expect.stringContaining('another connection'),
    });
    expect(await lives(token)).toBe(true);
    await rotate(other.id);
    context.clock.advance(3601);
    await revokeDue();
    expect([await lives(token), await toRevoke(id), await toRevoke(other.id)]).toEqual([false, [], []]);
    expect(await context.root(id)).toMatchObject({ failure: null });
  });

  it('is not revoked if it is imported again meanwhile', async () => {
    const { id, token } = await endless();
    context.fault({ kind: 'status', status: 503 }, REVOKE, 3);
    await rotate(id);
    const body = { tenant: 'acme', product: 'whatsapp', access_token: token };
    await api(context).post('/v1/connections/import', body).expect(201);
    context.clock.advance(7 * 3600);
    await revokeDue();
    expect([await serving(id), await lives(token), await toRevoke(id)]).toEqual([token, true, []]);
  });
});

describe('an interrupted rotation', () => {
  /** Runs `meanwhile` once Meta has generated the token, before it is stored. */
  const duringGeneration = (meanwhile: () => Promise<unknown>): (() => string) => {
    let generated = '';
    const { versions } = context.replica.app.get(TokenRotator) as unknown as { versions: CredentialVersionService };
    const original = versions.storePending.bind(versions);
    versions.storePending = async (...given) => {
      versions.storePending = original;
      generated = given[1].expose();
      await meanwhile();
      return original(...given);
    };
    return () => generated;
  };
  const claimed = async (id: `con_${string}`) => {
    const claims = context.replica.app.get(CredentialClaimRepository);
    const root = await claims.findRoot(id);
    const taken = await claims.claimOne(root?.id ?? 'crd_', 60);
    if (taken === null) throw new Error('no claim');
    return taken;
  };
  const revokeConnection = (id: string) => api(context).delete(`/v1/connections/${id}`).expect(200);

  it('leaves no token if the connection is revoked before the new one is stored', async () => {
    const { id, token } = await endless();
    const generated = duringGeneration(() => revokeConnection(id));
    expect((await post(id)).status).toBe(200);
    await revokeDue();
    expect(await context.connection(id)).toMatchObject({ status: 'revoked', provider_revocation: 'confirmed' });
    expect([await lives(token), await lives(generated())]).toEqual([false, false]);
    expect([await toRevoke(id), await orphans()]).toEqual([[], []]);
  });

  it('leaves no token if the connection is revoked before the new one is inspected or the old one revoked', async () => {
    const { id, userId, token } = await endless();
    const { accessToken: fresh } = context.sandbox.state.make.token({ userId, expiresIn: null });
    const { SecretString } = await import('../../src/platform/secret-string.ts');
    const reported = { expiresAt: null, scopes: null };
    await context.replica.app
      .get(CredentialVersionService)
      .storePending(await claimed(id), new SecretString(fresh), reported, 'rotation');
    await revokeConnection(id);
    await revokeDue();
    expect([await lives(token), await lives(fresh), await toRevoke(id)]).toEqual([false, false, []]);

    const second = await endless();
    context.fault({ kind: 'status', status: 503 }, REVOKE, 3);
    await rotate(second.id);
    const newest = await serving(second.id);
    await revokeConnection(second.id);
    context.clock.advance(7 * 3600);
    await revokeDue();
    expect([await lives(second.token), await lives(newest), await toRevoke(second.id)]).toEqual([false, false, []]);
    expect(await orphans()).toEqual([]);
  });

  it('yields to a token imported meanwhile, and revokes what it replaced', async () => {
    const { id, userId, token } = await endless();
    const { accessToken: imported } = context.sandbox.state.make.token({ userId, expiresIn: null });
    const body = { tenant: 'acme', product: 'whatsapp', access_token: imported };
    const generated = duringGeneration(() => api(context).post('/v1/connections/import', body).expect(201));
    await rotate(id);
    await revokeDue();
    expect(await serving(id)).toBe(imported);
    expect([await lives(imported), await lives(generated()), await lives(token)]).toEqual([true, false, false]);
    expect(await context.root(id)).toMatchObject({ version: 2, failure: null });
    const [row] = await context.database.rows({
      text: 'SELECT rotation_due_at, claim_id FROM credential WHERE connection_id = $1',
      values: [id],
    });
    expect(row).toEqual({ rotation_due_at: null, claim_id: null });
  });

  it('is continued by a sweep if its replica died after storing the new token', async () => {
    const { id, userId, token } = await endless();
    const { accessToken: fresh } = context.sandbox.state.make.token({ userId, expiresIn: null });
    await context.database.run({
      text: 'UPDATE credential SET rotation_due_at = $2 WHERE connection_id = $1',
      values: [id, context.clock.now()],
    });
    const { SecretString } = await import('../../src/platform/secret-string.ts');
    const reported = { expiresAt: null, scopes: null };
    await context.replica.app
      .get(CredentialVersionService)
      .storePending(await claimed(id), new SecretString(fresh), reported, 'rotation');
    expect((await context.sweep.refresh('retries')).claimed).toBe(0);
    context.clock.advance(61);
    expect(await context.sweep.refresh('retries')).toMatchObject({ claimed: 1, done: 1 });
    await revokeDue();
    expect(calls(/access_tokens$/)).toEqual([]);
    expect([await serving(id), await lives(token)]).toEqual([fresh, false]);
  });
});
