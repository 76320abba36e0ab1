import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Sandbox } from '../../../src/sandbox/sandbox.ts';
import { seedIds } from '../../../src/sandbox/state/default-seed.ts';
import { appsecretProof } from '../../../src/sandbox/tokens/graph-caller.ts';
import { at, bearer, call, form, json, type Reply, start, textAt } from './sandbox-harness.ts';

const SCOPES = ['business_management', 'whatsapp_business_management', 'whatsapp_business_messaging'];
let sandbox: Sandbox;
let graph: string;
let systemId: string;
let systemToken: string;
beforeEach(async () => {
  sandbox = await start();
  graph = `${sandbox.url}/graph.facebook.com/v26.0`;
  systemId = newSystemUser('EMPLOYEE');
  systemToken = tokenOf(systemId);
});
afterEach(() => sandbox.close());

const newSystemUser = (role: string) =>
  sandbox.state.make.user({ kind: 'system_user', businessId: seedIds.business, role }).id;
const tokenOf = (userId: string) => sandbox.state.make.token({ userId }).accessToken;

function generate(by: string, values: Record<string, string | undefined> = {}, id = systemId): Promise<Reply> {
  const all: Record<string, string | undefined> = {
    business_app: sandbox.app.id,
    appsecret_proof: appsecretProof(sandbox.app.secret, by),
    scope: SCOPES.join(','),
    ...values,
  };
  const given = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return call(`${graph}/${id}/access_tokens`, bearer(by, form(Object.fromEntries(given))));
}

const inspect = async (token: string) =>
  at(
    await call(`${graph}/debug_token?input_token=${token}`, bearer(`${sandbox.app.id}|${sandbox.app.secret}`)),
    'data',
  );

describe('POST /{system-user}/access_tokens', () => {
  it('gives another token of the same user, without end or for sixty days', async () => {
    const endless = await generate(systemToken);
    expect(Object.keys(endless.json as object)).toEqual(['access_token']);
    expect(await inspect(textAt(endless, 'access_token'))).toMatchObject({
      type: 'SYSTEM_USER',
      user_id: systemId,
      expires_at: 0,
      scopes: expect.arrayContaining(SCOPES),
    });
    const sixty = await generate(systemToken, { set_token_expires_in_60_days: 'true' });
    expect(await inspect(textAt(sixty, 'access_token'))).toMatchObject({
      expires_at: Math.floor(sandbox.state.now() / 1000) + 5_184_000,
    });
    expect((await call(`${graph}/me`, bearer(systemToken))).status).toBe(200);
  });

  it('gives no scope that was not asked for', async () => {
    const fewer = textAt(await generate(systemToken, { scope: 'whatsapp_business_management' }), 'access_token');
    expect(await inspect(fewer)).toMatchObject({ scopes: ['whatsapp_business_management'] });
    expect(await inspect(systemToken)).toMatchObject({ scopes: expect.arrayContaining(SCOPES) });
  });

  it('is for the user itself, admin system users and admins of the portfolio', async () => {
    const statusOf = async (by: string) => (await generate(by)).status;
    expect(await statusOf(tokenOf(newSystemUser('ADMIN')))).toBe(200);
    expect(await statusOf(tokenOf(seedIds.user))).toBe(200);
    expect(await statusOf(tokenOf(newSystemUser('EMPLOYEE')))).toBe(403);
    expect(at(await generate(tokenOf(seedIds.portfolioUser)), 'error.error_subcode')).toBe(33);
  });

  it('wants a proof that fits, an app, a scope, and a system user', async () => {
    expect(at(await generate(systemToken, { appsecret_proof: undefined }), 'error.code')).toBe(100);
    expect(textAt(await generate(systemToken, { appsecret_proof: '0'.repeat(64) }), 'error.message')).toContain(
      'Invalid appsecret_proof',
    );
    expect(at(await generate(systemToken, { business_app: undefined }), 'error.code')).toBe(100);
    expect(at(await generate(systemToken, { scope: undefined }), 'error.code')).toBe(100);
    expect(at(await generate(tokenOf(seedIds.user), {}, seedIds.user), 'error.code')).toBe(100);
  });

  it('wants the app installed first', async () => {
    const admin = tokenOf(seedIds.user);
    const fresh = newSystemUser('EMPLOYEE');
    expect(at(await generate(admin, {}, fresh), 'error.code')).toBe(100);
    const installed = await call(
      `${graph}/${fresh}/applications`,
      bearer(admin, form({ business_app: sandbox.app.id })),
    );
    expect(installed.json).toEqual({ success: true });
    expect((await generate(admin, {}, fresh)).status).toBe(200);
  });

  it('follows the settings of the business', async () => {
    const set = (body: object) =>
      call(`${sandbox.url}/__sandbox/businesses/patch`, json({ id: seedIds.business, ...body }));
    await set({ requiresExpiry: true });
    expect(at(await generate(systemToken), 'error.code')).toBe(100);
    expect((await generate(systemToken, { set_token_expires_in_60_days: 'true' })).status).toBe(200);
    await set({ forbidsTokens: true });
    const refused = await generate(systemToken, { set_token_expires_in_60_days: 'true' });
    expect([refused.status, at(refused, 'error.code')]).toEqual([403, 200]);
  });
});

describe('GET /oauth/revoke', () => {
  it('kills the old token by the new one, and by an admin’s', async () => {
    const fresh = textAt(await generate(systemToken), 'access_token');
    const revoke = (token: string, by: string) => {
      const query = new URLSearchParams({
        client_id: sandbox.app.id,
        client_secret: sandbox.app.secret,
        revoke_token: token,
        access_token: by,
      });
      return call(`${graph}/oauth/revoke?${query}`);
    };
    expect((await revoke(systemToken, fresh)).json).toEqual({ success: true });
    expect(at(await call(`${graph}/me`, bearer(systemToken)), 'error.code')).toBe(190);
    expect((await call(`${graph}/me`, bearer(fresh))).status).toBe(200);
    expect((await revoke(fresh, tokenOf(newSystemUser('EMPLOYEE')))).status).toBe(403);
    expect((await revoke(fresh, tokenOf(seedIds.user))).json).toEqual({ success: true });
  });
});
