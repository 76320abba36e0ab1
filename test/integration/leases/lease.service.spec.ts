import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SYSTEM } from '../../../src/audit/actor.ts';
import type { ConnectionId } from '../../../src/connections/ids.ts';
import type { Database } from '../../../src/database/database.ts';
import { ConnectionLeasesRepository } from '../../../src/leases/connection-leases.repository.ts';
import type { GatewayLeaseVerifier } from '../../../src/leases/gateway-lease-verifier.ts';
import type { LeaseService } from '../../../src/leases/lease.service.ts';
import type { LeaseIssuer } from '../../../src/leases/lease-issuer.ts';
import type { LeaseRetention } from '../../../src/leases/lease-retention.ts';
import { addSeconds } from '../../../src/platform/clock.ts';
import { type ConnectionsHarness, connect } from '../../support/connections-harness.ts';
import type { FakeClock } from '../../support/fake-clock.ts';
import {
  type LeasesTestContext,
  openLeasesTestContext,
  LEASED_PAGES as PAGES,
  LEASE_REQUEST as WANTED,
} from '../../support/leases-test-context.ts';
import { openTestVault } from '../../support/test-vault.ts';

describe('issued leases', () => {
  let context: LeasesTestContext;
  let clock: FakeClock;
  let database: Database;
  let connections: ConnectionsHarness;
  let issue: LeaseIssuer;
  let check: GatewayLeaseVerifier;
  let records: LeaseService;
  let retention: LeaseRetention;

  beforeEach(async () => {
    context = await openLeasesTestContext();
    ({ clock, database, connections, issue, check, records, retention } = context);
  });
  afterEach(() => context?.close());

  describe('ending', () => {
    it('takes effect on the next call, whatever caused it', async () => {
      const connectionId = await connect(connections, clock);
      const client = await context.client();
      const endings: [string, (leaseId: string) => Promise<unknown>][] = [
        ['deleted', (leaseId) => records.end(client, leaseId, 'r')],
        ['expired', async () => clock.advance(901)],
        ['reauth', () => database.run({ text: `UPDATE connection SET status = 'reauth_required'` })],
        ['client', () => database.run({ text: 'UPDATE client SET deleted_at = now()' })],
        ['revoked', () => connections.revoke.revoke(connectionId, { actor: SYSTEM, requestId: null, reason: 't' })],
      ];
      for (const [, end] of endings) {
        await database.run({ text: `UPDATE connection SET status = 'active'` });
        await database.run({ text: 'UPDATE client SET deleted_at = NULL' });
        const lease = await issue.issue(client, WANTED, 'r');
        expect(await check.grant(lease.access_token)).not.toBeNull();
        expect([...(await check.filterActive([lease.lease_id]))]).toEqual([lease.lease_id]);
        await end(lease.lease_id);
        expect(await check.grant(lease.access_token)).toBeNull();
        expect([...(await check.filterActive([lease.lease_id]))]).toEqual([]);
        expect(await records.introspect(client, lease.access_token, 'http://x')).toEqual({ active: false });
      }
    });

    it('is idempotent, audited once, and limited to the owner', async () => {
      await connect(connections, clock);
      const [client, stranger] = [await context.client(), await context.client()];
      const lease = await issue.issue(client, WANTED, 'r');
      expect(await records.end(stranger, lease.lease_id, 'r')).toBe(false);
      expect(await records.find(stranger, lease.lease_id)).toBeNull();
      expect(await records.end(client, lease.lease_id, 'r')).toBe(true);
      expect(await records.end(client, lease.lease_id, 'r')).toBe(true);
      expect(await records.find(client, lease.lease_id)).toMatchObject({ status: 'ended' });
      expect(await database.rows({ text: `SELECT 1 FROM audit_entry WHERE action = 'lease.ended'` })).toHaveLength(1);
    });

    it('is reported by introspection as in RFC 7662, to the owner and admins', async () => {
      await connect(connections, clock);
      const [client, stranger] = [await context.client(), await context.client()];
      const lease = await issue.issue(client, WANTED, 'r');
      const response = await records.introspect(client, lease.access_token, 'http://x');
      const now = clock.now().getTime() / 1000;
      expect(response).toMatchObject({
        active: true,
        client_id: client.clientId,
        iat: now,
        exp: now + 900,
        scope: 'pages_show_list',
      });
      expect(await records.introspect({ ...stranger, role: 'admin' }, lease.access_token, 'x')).toMatchObject({
        active: true,
      });
      expect(await records.introspect(stranger, lease.access_token, 'x')).toEqual({ active: false });
      expect(await records.introspect(client, 'EAAnothing', 'x')).toEqual({ active: false });
    });
  });

  it('are dropped with their partition once all of it ended before the retention time, and not before', async () => {
    await connect(connections, clock);
    const { partitions } = context;
    const [first] = await partitions.list('lease');
    clock.set((first?.until ?? clock.now()).toISOString());
    await partitions.runOnce();
    const client = await context.client();
    const { lease_id: id } = await issue.issue(client, WANTED, 'r');
    const [, own] = await partitions.list('lease');
    const entries = (await context.countWritten()).entries;
    clock.set(addSeconds(own?.until ?? clock.now(), 31 * 86_400 - 1).toISOString());
    await partitions.runOnce();
    // The rows from before partitions are gone, and their partition with them.
    expect((await partitions.list('lease'))[0]).toEqual(own);
    expect(await retention.purge(addSeconds(clock.now(), -30 * 86_400), 100)).toBe(0);
    expect(await records.find({ ...client, role: 'admin' }, id)).not.toBeNull();
    clock.advance(1);
    await partitions.runOnce();
    expect(await partitions.list('lease')).not.toContainEqual(own);
    expect(await records.find({ ...client, role: 'admin' }, id)).toBeNull();
    expect((await context.countWritten()).entries).toBe(entries);
  });

  it('are deleted in batches if they ended before the retention time; live ones and all audit entries stay', async () => {
    await connect(connections, clock);
    const client = await context.client();
    const old: string[] = [];
    for (let index = 0; index < 3; index++) old.push((await issue.issue(client, WANTED, 'r')).lease_id);
    await records.end(client, old[0] ?? '', 'r');
    clock.advance(900);
    const young = await issue.issue(client, WANTED, 'r');
    const entries = (await context.countWritten()).entries;
    // Issued before, but expires after.
    expect(await retention.purge(clock.now(), 100)).toBe(0);
    clock.advance(1);
    const endedBefore = clock.now();
    clock.advance(30 * 86_400);
    expect(await retention.purge(endedBefore, 2)).toBe(2);
    expect(await retention.purge(endedBefore, 2)).toBe(1);
    expect(await retention.purge(endedBefore, 2)).toBe(0);
    const left = await database.rows({ text: 'SELECT id FROM lease' });
    expect(left).toEqual([{ id: young.lease_id }]);
    expect((await context.countWritten()).entries).toBe(entries);
  });

  it('keep their MACs when what they reached is erased, and get none if they were tampered with before', async () => {
    await connect(connections, clock, { pages: PAGES });
    const client = await context.client();
    const reaching = { ...WANTED, asset_id: '501' };
    const [own, forged] = [await issue.issue(client, reaching, 'r'), await issue.issue(client, reaching, 'r')];
    await database.run({ text: `UPDATE lease SET tenant = 'tenant-b' WHERE id = $1`, values: [forged.lease_id] });
    const { rowMacs } = await openTestVault(database, clock);
    await new ConnectionLeasesRepository(rowMacs).clearAssets(database, own.connection_id as ConnectionId);
    expect(await records.find(client, own.lease_id)).toMatchObject({ status: 'active' });
    expect(await records.find(client, own.lease_id)).not.toHaveProperty('asset');
    expect(await records.find(client, forged.lease_id)).toBeNull();
  });

  it('use a new version of the token on the next call, and none if it is gone', async () => {
    await connect(connections, clock);
    const client = await context.client();
    const [a, b] = [await issue.issue(client, WANTED, 'r'), await issue.issue(client, WANTED, 'r')];
    const tokens = async (): Promise<(string | undefined)[]> =>
      (await Promise.all([a, b, a].map((lease) => check.grant(lease.access_token)))).map((grant) =>
        grant?.accessToken.expose(),
      );
    expect(await tokens()).toEqual(Array(3).fill('EAArootToken'));
    await connect(connections, clock, { root: { token: 'EAAnewToken' } });
    expect((await check.grant(a.access_token))?.accessToken.expose()).toBe('EAAnewToken');
    // One statement checks a lease cached at its new version and one cached at its old version.
    expect(await tokens()).toEqual(Array(3).fill('EAAnewToken'));
    expect((await check.grant(b.access_token))?.credentialVersion).toBe(2);
    await database.run({ text: 'UPDATE credential SET secret_id = NULL' });
    expect(await tokens()).toEqual([undefined, undefined, undefined]);
  });

  it('replace tokens in a response, for credentials of the same connection only', async () => {
    await connect(connections, clock, { pages: PAGES });
    await connect(connections, clock, { tenant: 'tenant-b', metaUserId: '9', root: { token: 'EAAforeign' } });
    const lease = await issue.issue(await context.client(), WANTED, 'r');
    const grant = await check.grant(lease.access_token);
    if (grant === null) throw new Error('no grant');
    const given = await context.tokenReplacement.replaceTokens(
      grant,
      [],
      ['EAApage501', 'EAAforeign', 'EAAunknown'].map((metaToken) => ({ metaToken, objectId: null })),
    );
    expect([...given.keys()]).toEqual(['EAApage501']);
    const inner = await check.grant(given.get('EAApage501') ?? '');
    expect(inner).toMatchObject({ kind: 'page', leaseExpiresAt: grant.leaseExpiresAt });
    expect(await context.countWritten()).toEqual({ leases: 2, entries: 2 });
  });

  it.each([
    ['swallows', 'BEFORE', 'RETURN NULL;', 1],
    ['takes away', 'AFTER', 'DELETE FROM audit_entry WHERE id = NEW.id; RETURN NULL;', 2],
  ])('replace no token if a trigger %s their audit entry', async (_, when, body, leases) => {
    await connect(connections, clock, { pages: PAGES });
    const lease = await issue.issue(await context.client(), WANTED, 'r');
    const grant = await check.grant(lease.access_token);
    if (grant === null) throw new Error('no grant');
    const { database } = context;
    await database.run({ text: `CREATE FUNCTION evil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${body} END $$` });
    await database.run({
      text: `CREATE TRIGGER evil ${when} INSERT ON audit_entry FOR EACH ROW EXECUTE FUNCTION evil()`,
    });
    const given = await context.tokenReplacement.replaceTokens(
      grant,
      [],
      [{ metaToken: 'EAApage501', objectId: null }],
    );
    expect([...given.keys()]).toEqual([]);
    expect(await context.countWritten()).toEqual({ leases, entries: 1 });
    const active = await database.rows({ text: 'SELECT id FROM lease WHERE ended_at IS NULL' });
    expect(active).toEqual([{ id: grant.leaseId }]);
  });

  it('replace a new token of a Page that we hold, matched by the Page, never one of another connection', async () => {
    await connect(connections, clock, { pages: [...PAGES, { id: '502', token: 'EAApage502' }] });
    const other = { tenant: 'tenant-b', metaUserId: '9', root: { token: 'EAAforeign' } };
    await connect(connections, clock, { ...other, pages: [{ id: '901', token: 'EAApage901' }] });
    const lease = await issue.issue(await context.client(), WANTED, 'r');
    const grant = await check.grant(lease.access_token);
    if (grant === null) throw new Error('no grant');
    const given = await context.tokenReplacement.replaceTokens(
      grant,
      [],
      [
        { metaToken: 'EAAnew501', objectId: '501' },
        { metaToken: 'EAAnew901', objectId: '901' },
        { metaToken: 'EAApage502', objectId: '501' },
        { metaToken: 'EAAofTheRoot', objectId: '1' },
      ],
    );
    expect([...given.keys()].sort()).toEqual(['EAAnew501', 'EAApage502']);
    const opened = async (metaToken: string) => (await check.grant(given.get(metaToken) ?? ''))?.accessToken.expose();
    // The token itself takes precedence over the id next to it.
    expect([await opened('EAAnew501'), await opened('EAApage502')]).toEqual(['EAApage501', 'EAApage502']);
  });
});
