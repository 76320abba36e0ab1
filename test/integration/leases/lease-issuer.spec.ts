import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SYSTEM } from '../../../src/audit/actor.ts';
import type { AuthenticatedClient } from '../../../src/auth/authenticated-client.ts';
import type { Database } from '../../../src/database/database.ts';
import type { GatewayLeaseVerifier } from '../../../src/leases/gateway-lease-verifier.ts';
import type { LeaseIssuer } from '../../../src/leases/lease-issuer.ts';
import { AppError } from '../../../src/platform/problem.ts';
import { type ConnectionsHarness, connect } from '../../support/connections-harness.ts';
import type { FakeClock } from '../../support/fake-clock.ts';
import {
  type LeasesTestContext,
  openLeasesTestContext,
  LEASED_PAGES as PAGES,
  LEASE_REQUEST as WANTED,
} from '../../support/leases-test-context.ts';

describe('leases on Postgres', () => {
  let context: LeasesTestContext;
  let clock: FakeClock;
  let database: Database;
  let connections: ConnectionsHarness;
  let issue: LeaseIssuer;
  let check: GatewayLeaseVerifier;

  beforeEach(async () => {
    context = await openLeasesTestContext();
    ({ clock, database, connections, issue, check } = context);
  });
  afterEach(() => context?.close());

  const problemOf = async (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => 'none',
      (error: unknown) => {
        if (!(error instanceof AppError)) throw error;
        return error.code;
      },
    );

  it('return the serving Meta token in token mode, with its proof, and are written together with their audit entry', async () => {
    const connectionId = await connect(connections, clock);
    const client = await context.client();
    const lease = await issue.issue(client, { ...WANTED, mode: 'token', ttl_seconds: 60 }, 'req-1');
    expect(lease).toMatchObject({
      mode: 'token',
      access_token: 'EAArootToken',
      token_type: 'Bearer',
      expires_in: 60,
      connection_id: connectionId,
      credential_version: 1,
      graph_base_url: 'https://graph.facebook.com',
    });
    expect(lease.appsecret_proof).toMatch(/^[0-9a-f]{64}$/);
    const entries = await database.rows({ text: `SELECT * FROM audit_entry WHERE action = 'lease.issued'` });
    expect(entries).toMatchObject([
      { actor_id: client.clientId, subject_id: lease.lease_id, connection_id: connectionId, request_id: 'req-1' },
    ]);
  });

  it('return our token in gateway mode, which only the gateway can turn into the Meta token', async () => {
    await connect(connections, clock, { pages: PAGES });
    const lease = await issue.issue(await context.client(), WANTED, 'r');
    expect(lease.access_token).toMatch(/^mtl_/);
    expect(JSON.stringify(lease)).not.toContain('EAA');
    const grant = await check.grant(lease.access_token);
    expect(grant?.accessToken.expose()).toBe('EAArootToken');
    expect(await check.grant(`${lease.access_token.slice(0, -1)}x`)).toBeNull();
  });

  it('refuse a token with an existing lease and a wrong secret', async () => {
    await connect(connections, clock);
    const client = await context.client();
    const [a, b] = [await issue.issue(client, WANTED, 'r'), await issue.issue(client, WANTED, 'r')];
    await database.run({
      text: 'UPDATE lease SET secret_hash = (SELECT secret_hash FROM lease WHERE id = $2) WHERE id = $1',
      values: [a.lease_id, b.lease_id],
    });
    expect(await check.grant(a.access_token)).toBeNull();
    expect(await check.grant(b.access_token)).not.toBeNull();
  });

  it('use the credential that reaches the asset', async () => {
    await connect(connections, clock, { pages: PAGES });
    const client = await context.client();
    for (const [assetId, type] of [
      ['501', 'page'],
      ['17841400000000001', 'instagram_account'],
    ] as const) {
      const lease = await issue.issue(client, { ...WANTED, asset_id: assetId, mode: 'token' }, 'r');
      expect(lease).toMatchObject({ access_token: 'EAApage501', asset: { id: assetId, type } });
    }
    expect(await problemOf(issue.issue(client, { ...WANTED, asset_id: '999' }, 'r'))).toBe('connection_not_found');
  });

  it('are refused for assets without a token, naming the Page; no other token replaces it', async () => {
    const pages = [{ id: '501', token: null, instagramId: '17841400000000001' }];
    const connectionId = await connect(connections, clock, { pages });
    const client = await context.client();
    for (const asset_id of ['501', '17841400000000001']) {
      for (const named of [{}, { connection_id: connectionId }]) {
        const refused = await issue
          .issue(client, { ...WANTED, ...named, asset_id }, 'r')
          .catch((error: unknown) => error);
        expect(refused).toMatchObject({
          code: 'asset_without_credential',
          type: { status: 409 },
          detail: expect.stringContaining('no task on the Page Page 501 (501)'),
          remedy: expect.stringContaining(`/v1/connections/${connectionId}/check`),
        });
      }
    }
    expect(await database.rows({ text: 'SELECT id FROM lease' })).toEqual([]);
    await database.run({ text: `UPDATE connection SET status = 'reauth_required'` });
    expect(await problemOf(issue.issue(client, { ...WANTED, asset_id: '501' }, 'r'))).toBe('reauth_required');
  });

  it('reach an asset through the connection that has a credential for it, however old', async () => {
    await connect(connections, clock, { metaUserId: '1', pages: [{ id: '501', token: 'EAAold' }] });
    clock.advance(10);
    await connect(connections, clock, {
      metaUserId: '2',
      root: { token: 'EAAb' },
      pages: [{ id: '501', token: null }],
    });
    const client = await context.client();
    const wanted = { ...WANTED, asset_id: '501', mode: 'token' } as const;
    expect((await issue.issue(client, wanted, 'r')).access_token).toBe('EAAold');
    await database.run({ text: `UPDATE credential SET health = 'invalid' WHERE kind = 'page'` });
    expect(await problemOf(issue.issue(client, wanted, 'r'))).toBe('reauth_required');
  });

  it('use the newest live connection if several reach an asset', async () => {
    await connect(connections, clock, {
      metaUserId: '1',
      root: { token: 'EAAa' },
      pages: [{ id: '501', token: 'EAAold' }],
    });
    clock.advance(10);
    const newer = await connect(connections, clock, { metaUserId: '2', pages: [{ id: '501', token: 'EAAnew' }] });
    const client = await context.client();
    const take = async (): Promise<string> =>
      (await issue.issue(client, { ...WANTED, asset_id: '501', mode: 'token' }, 'r')).access_token;
    expect(await take()).toBe('EAAnew');
    await database.run({ text: `UPDATE connection SET status = 'reauth_required' WHERE id = $1`, values: [newer] });
    expect(await take()).toBe('EAAold');
  });

  it('require a choice if several connections match, and use the one named', async () => {
    const first = await connect(connections, clock, { metaUserId: '1', root: { token: 'EAAa' } });
    await connect(connections, clock, { metaUserId: '2', root: { token: 'EAAb' } });
    const client = await context.client();
    expect(await problemOf(issue.issue(client, WANTED, 'r'))).toBe('ambiguous_connection');
    const lease = await issue.issue(client, { ...WANTED, connection_id: first, mode: 'token' }, 'r');
    expect(lease.access_token).toBe('EAAa');
    const elsewhere = { ...WANTED, tenant: 'tenant-b', connection_id: first };
    expect(await problemOf(issue.issue(client, elsewhere, 'r'))).toBe('connection_not_found');
    expect(await context.countWritten()).toEqual({ leases: 1, entries: 1 });
  });

  it('respect the policy: tenants, products, modes and maximum lifetime', async () => {
    await connect(connections, clock);
    const narrow = await context.client({ tenants: ['tenant-b'], leaseModes: ['gateway'] });
    expect(await problemOf(issue.issue(narrow, WANTED, 'r'))).toBe('not_allowed');
    const otherProduct = await context.client({ products: ['ads'] });
    expect(await problemOf(issue.issue(otherProduct, WANTED, 'r'))).toBe('not_allowed');
    const gatewayOnly = await context.client({ leaseModes: ['gateway'], maxTtlSeconds: 100 });
    expect(await problemOf(issue.issue(gatewayOnly, { ...WANTED, mode: 'token' }, 'r'))).toBe('mode_not_allowed');
    expect((await issue.issue(gatewayOnly, { ...WANTED, ttl_seconds: 3600 }, 'r')).expires_in).toBe(100);
    expect((await issue.issue(gatewayOnly, WANTED, 'r')).expires_in).toBe(100);
  });

  it('never outlive their token', async () => {
    await connect(connections, clock, { root: { expiresAt: new Date(clock.now().getTime() + 300_000) } });
    expect((await issue.issue(await context.client(), WANTED, 'r')).expires_in).toBe(300);
  });

  it('are not issued for dead, expired or destroyed tokens, and nothing is written', async () => {
    const id = await connect(connections, clock, { root: { expiresAt: new Date(clock.now().getTime() + 60_000) } });
    const client = await context.client();
    clock.advance(61);
    expect(await problemOf(issue.issue(client, WANTED, 'r'))).toBe('reauth_required');
    await database.run({ text: `UPDATE credential SET expires_at = NULL` });
    await database.run({ text: `UPDATE connection SET status = 'reauth_required' WHERE id = $1`, values: [id] });
    expect(await problemOf(issue.issue(client, WANTED, 'r'))).toBe('reauth_required');
    await connections.revoke.revoke(id, { actor: SYSTEM, requestId: null, reason: 'test' });
    expect(await problemOf(issue.issue(client, WANTED, 'r'))).toBe('connection_not_found');
    expect(await context.countWritten()).toEqual({ leases: 0, entries: 0 });
    expect(context.refreshes).toEqual([]);
  });

  it('wait for a refresh if the token must live longer', async () => {
    await connect(connections, clock, { root: { expiresAt: new Date(clock.now().getTime() + 3_600_000) } });
    context.onRefresh(async () => {
      await database.run({ text: `UPDATE credential SET expires_at = expires_at + interval '60 days'` });
    });
    const lease = await issue.issue(await context.client(), { ...WANTED, min_valid_seconds: 86_400 }, 'r');
    expect(lease.token_expires_at).toBe('2027-01-21T13:00:00.000Z');
    expect(context.refreshes).toMatchObject([{ minValidSeconds: 86_400 }]);
  });

  it('demand no new login if a live token merely expires too soon', async () => {
    await connect(connections, clock, { root: { expiresAt: new Date(clock.now().getTime() + 3_600_000) } });
    const wanted = issue.issue(await context.client(), { ...WANTED, min_valid_seconds: 86_400 }, 'r');
    expect(await problemOf(wanted)).toBe('refresh_pending');
    expect(await context.countWritten()).toEqual({ leases: 0, entries: 0 });
  });

  it('are refused to a key that was revoked after the client was read', async () => {
    await connect(connections, clock);
    const client = await context.client();
    await database.run({ text: 'UPDATE client SET deleted_at = $1', values: [clock.now()] });
    expect(await problemOf(issue.issue(client, WANTED, 'r'))).toBe('unauthenticated');
    expect(await context.countWritten()).toEqual({ leases: 0, entries: 0 });
  });

  it('are refused for a token that was moved to another row or tenant', async () => {
    await connect(connections, clock, { root: { token: 'EAAa' } });
    await connect(connections, clock, { tenant: 'tenant-b', metaUserId: '2', root: { token: 'EAAb' } });
    const client = await context.client();
    await database.run({
      text: `UPDATE credential k SET secret_id = o.secret_id FROM credential o, connection c, connection d
        WHERE k.connection_id = c.id AND c.tenant = 'tenant-a' AND o.connection_id = d.id AND d.tenant = 'tenant-b'`,
    });
    const moved = issue.issue(client, { ...WANTED, mode: 'token' }, 'r');
    expect(await problemOf(moved)).toBe('credential_unreadable');
    const whole = await issue.issue(client, { ...WANTED, tenant: 'tenant-b', mode: 'token' }, 'r');
    expect(whole.access_token).toBe('EAAb');
  });

  it('are not mixed up in a batch', async () => {
    const clients = await Promise.all(Array.from({ length: 4 }, () => context.client()));
    for (let i = 0; i < 4; i++)
      await connect(connections, clock, { tenant: `t${i}`, metaUserId: `${i}`, root: { token: `EAA${i}` } });
    const leases = await Promise.all(
      Array.from({ length: 200 }, async (_, i) => {
        const tenant = `t${i % 5}`;
        const wanted = issue.issue(
          clients[i % 4] as AuthenticatedClient,
          { ...WANTED, tenant, mode: 'token' },
          `r${i}`,
        );
        if (i % 5 === 4) return problemOf(wanted);
        return (await wanted).access_token;
      }),
    );
    for (const [i, response] of leases.entries())
      expect(response).toBe(i % 5 === 4 ? 'connection_not_found' : `EAA${i % 5}`);
    expect(await context.countWritten()).toEqual({ leases: 160, entries: 160 });
    const wrong = await database.rows({
      text: `SELECT 1 FROM lease l JOIN connection c ON c.id = l.connection_id WHERE l.tenant <> c.tenant`,
    });
    expect(wrong).toEqual([]);
  });
});
