import { randomBytes } from 'node:crypto';
import { Registry } from 'prom-client';
import type { Caller } from '../../../src/access/caller.ts';
import { SYSTEM } from '../../../src/audit/audit-log.ts';
import type { Database } from '../../../src/database/database.ts';
import { GatewayLeases } from '../../../src/leases/gateway-leases.ts';
import { IssueLease } from '../../../src/leases/issue-lease.ts';
import { LeaseCheck } from '../../../src/leases/lease-check.ts';
import { LeaseRecords } from '../../../src/leases/lease-records.ts';
import type { LeaseRequest } from '../../../src/leases/lease-request.ts';
import { SealAlarm } from '../../../src/leases/seal-alarm.ts';
import type { EnsureValid } from '../../../src/lifecycle/ensure-valid.ts';
import { AppError } from '../../../src/platform/problem.ts';
import { testConfig } from '../../support/config.ts';
import { connect, connectionsRoom, type TestConnections } from '../../support/connections.ts';
import { type OpenDatabase, openFreshDatabase } from '../../support/database.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { captureLog } from '../../support/replica.ts';
import { openTestVault, type TestVault } from '../../support/vault.ts';

const PAGES = [{ id: '501', token: 'EAApage501', instagramId: '17841400000000001' }];
const WANTED: LeaseRequest = { tenant: 'tenant-a', product: 'pages' };

describe('leases on Postgres', () => {
  let clock: FakeClock;
  let open: OpenDatabase;
  let database: Database;
  let sealed: TestVault;
  let room: TestConnections;
  let issue: IssueLease;
  let check: LeaseCheck;
  let records: LeaseRecords;
  let inAnswers: GatewayLeases;
  let renewals: { credentialId: string; minValidSeconds: number }[];
  let onRenewal: () => Promise<void>;

  beforeEach(async () => {
    clock = new FakeClock();
    open = await openFreshDatabase();
    database = open.database;
    sealed = await openTestVault(database, clock);
    const config = testConfig();
    room = connectionsRoom(database, clock, config, sealed);
    renewals = [];
    onRenewal = async () => undefined;
    const ensureValid = {
      ensure: async (credentialId: string, minValidSeconds: number) => {
        renewals.push({ credentialId, minValidSeconds });
        await onRenewal();
      },
    } as EnsureValid;
    const { vault, ring, ids, random } = sealed;
    const alarm = new SealAlarm(database, room.audit, clock, captureLog().logger, new Registry());
    issue = new IssueLease(database, vault, ring, ensureValid, clock, ids, random, config, alarm);
    check = new LeaseCheck(database, vault, ring, clock, alarm);
    records = new LeaseRecords(database, ring, room.audit, clock);
    inAnswers = new GatewayLeases(database, ring, clock, ids, random);
  });
  afterEach(() => open.close());

  async function client(policy: Partial<Caller> = {}): Promise<Caller> {
    const clientId = sealed.ids.next('cli');
    const keyHash = randomBytes(32);
    await database.run({
      text: `INSERT INTO client (id, name, role, tenants, products, lease_modes, max_ttl_seconds, created_at)
        VALUES ($1, 'test', 'service', '{*}', '{*}', '{gateway,token}', 3600, $2)`,
      values: [clientId, clock.now()],
    });
    await database.run({
      text: 'INSERT INTO client_key (hash, client_id, created_at) VALUES ($1, $2, $3)',
      values: [keyHash, clientId, clock.now()],
    });
    return {
      clientId,
      name: 'test',
      role: 'service',
      tenants: ['*'],
      products: ['*'],
      leaseModes: ['gateway', 'token'],
      maxTtlSeconds: 3600,
      rateLimitPerSecond: null,
      ipAllowList: null,
      policyVersion: 1,
      keyHash,
      ...policy,
    };
  }

  const problemOf = async (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => 'none',
      (error: unknown) => {
        if (!(error instanceof AppError)) throw error;
        return error.code;
      },
    );
  const written = async (): Promise<{ leases: number; entries: number }> => {
    const [row] = await database.rows<{ leases: number; entries: number }>({
      text: `SELECT (SELECT count(*)::int FROM lease) AS leases,
        (SELECT count(*)::int FROM audit_entry WHERE action = 'lease.issued') AS entries`,
    });
    return row ?? { leases: -1, entries: -1 };
  };

  it('give the serving Meta token in token mode, with its proof, and write lease and audit entry together', async () => {
    const connectionId = await connect(room, clock);
    const caller = await client();
    const lease = await issue.issue(caller, { ...WANTED, mode: 'token', ttl_seconds: 60 }, 'req-1');
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
      { actor_id: caller.clientId, subject_id: lease.lease_id, connection_id: connectionId, request_id: 'req-1' },
    ]);
  });

  it('give a token of ours in gateway mode, which opens to the Meta token at the door only', async () => {
    await connect(room, clock, { pages: PAGES });
    const lease = await issue.issue(await client(), WANTED, 'r');
    expect(lease.access_token).toMatch(/^mtl_/);
    expect(JSON.stringify(lease)).not.toContain('EAA');
    const grant = await check.grant(lease.access_token);
    expect(grant?.accessToken.expose()).toBe('EAArootToken');
    expect(await check.grant(`${lease.access_token.slice(0, -1)}x`)).toBeNull();
  });

  it('refuse a token whose lease exists but whose secret is another', async () => {
    await connect(room, clock);
    const caller = await client();
    const [a, b] = [await issue.issue(caller, WANTED, 'r'), await issue.issue(caller, WANTED, 'r')];
    await database.run({
      text: 'UPDATE lease SET secret_hash = (SELECT secret_hash FROM lease WHERE id = $2) WHERE id = $1',
      values: [a.lease_id, b.lease_id],
    });
    expect(await check.grant(a.access_token)).toBeNull();
    expect(await check.grant(b.access_token)).not.toBeNull();
  });

  it('pick the credential that reaches the asset', async () => {
    await connect(room, clock, { pages: PAGES });
    const caller = await client();
    for (const [assetId, type] of [
      ['501', 'page'],
      ['17841400000000001', 'instagram_account'],
    ] as const) {
      const lease = await issue.issue(caller, { ...WANTED, asset_id: assetId, mode: 'token' }, 'r');
      expect(lease).toMatchObject({ access_token: 'EAApage501', asset: { id: assetId, type } });
    }
    expect(await problemOf(issue.issue(caller, { ...WANTED, asset_id: '999' }, 'r'))).toBe('connection_not_found');
  });

  it('reach an asset of several connections through the newest that lives', async () => {
    await connect(room, clock, { metaUserId: '1', root: { token: 'EAAa' }, pages: [{ id: '501', token: 'EAAold' }] });
    clock.advance(10);
    const newer = await connect(room, clock, { metaUserId: '2', pages: [{ id: '501', token: 'EAAnew' }] });
    const caller = await client();
    const take = async (): Promise<string> =>
      (await issue.issue(caller, { ...WANTED, asset_id: '501', mode: 'token' }, 'r')).access_token;
    expect(await take()).toBe('EAAnew');
    await database.run({ text: `UPDATE connection SET status = 'reauth_required' WHERE id = $1`, values: [newer] });
    expect(await take()).toBe('EAAold');
  });

  it('ask which where several connections match, and take the one that is named', async () => {
    const first = await connect(room, clock, { metaUserId: '1', root: { token: 'EAAa' } });
    await connect(room, clock, { metaUserId: '2', root: { token: 'EAAb' } });
    const caller = await client();
    expect(await problemOf(issue.issue(caller, WANTED, 'r'))).toBe('ambiguous_connection');
    const lease = await issue.issue(caller, { ...WANTED, connection_id: first, mode: 'token' }, 'r');
    expect(lease.access_token).toBe('EAAa');
    const elsewhere = { ...WANTED, tenant: 'tenant-b', connection_id: first };
    expect(await problemOf(issue.issue(caller, elsewhere, 'r'))).toBe('connection_not_found');
    expect(await written()).toEqual({ leases: 1, entries: 1 });
  });

  it('end with the policy: tenants, products, modes and the longest life', async () => {
    await connect(room, clock);
    const narrow = await client({ tenants: ['tenant-b'], leaseModes: ['gateway'] });
    expect(await problemOf(issue.issue(narrow, WANTED, 'r'))).toBe('not_allowed');
    const otherProduct = await client({ products: ['ads'] });
    expect(await problemOf(issue.issue(otherProduct, WANTED, 'r'))).toBe('not_allowed');
    const gatewayOnly = await client({ leaseModes: ['gateway'], maxTtlSeconds: 100 });
    expect(await problemOf(issue.issue(gatewayOnly, { ...WANTED, mode: 'token' }, 'r'))).toBe('mode_not_allowed');
    expect((await issue.issue(gatewayOnly, { ...WANTED, ttl_seconds: 3600 }, 'r')).expires_in).toBe(100);
    expect((await issue.issue(gatewayOnly, WANTED, 'r')).expires_in).toBe(100);
  });

  it('never outlive their token', async () => {
    await connect(room, clock, { root: { expiresAt: new Date(clock.now().getTime() + 300_000) } });
    expect((await issue.issue(await client(), WANTED, 'r')).expires_in).toBe(300);
  });

  it('are not given out for dead, expired or destroyed tokens, and nothing is written', async () => {
    const id = await connect(room, clock, { root: { expiresAt: new Date(clock.now().getTime() + 60_000) } });
    const caller = await client();
    clock.advance(61);
    expect(await problemOf(issue.issue(caller, WANTED, 'r'))).toBe('reauth_required');
    await database.run({ text: `UPDATE credential SET expires_at = NULL` });
    await database.run({ text: `UPDATE connection SET status = 'reauth_required' WHERE id = $1`, values: [id] });
    expect(await problemOf(issue.issue(caller, WANTED, 'r'))).toBe('reauth_required');
    await room.revoke.revoke(id, { actor: SYSTEM, requestId: null, reason: 'test' });
    expect(await problemOf(issue.issue(caller, WANTED, 'r'))).toBe('connection_not_found');
    expect(await written()).toEqual({ leases: 0, entries: 0 });
    expect(renewals).toEqual([]);
  });

  it('wait for a renewal where the token must live longer', async () => {
    await connect(room, clock, { root: { expiresAt: new Date(clock.now().getTime() + 3_600_000) } });
    onRenewal = async () => {
      await database.run({ text: `UPDATE credential SET expires_at = expires_at + interval '60 days'` });
    };
    const lease = await issue.issue(await client(), { ...WANTED, min_valid_seconds: 86_400 }, 'r');
    expect(lease.token_expires_at).toBe('2027-01-21T13:00:00.000Z');
    expect(renewals).toMatchObject([{ minValidSeconds: 86_400 }]);
  });

  it('send nobody to a new login where a living token is only still too short', async () => {
    await connect(room, clock, { root: { expiresAt: new Date(clock.now().getTime() + 3_600_000) } });
    const wanted = issue.issue(await client(), { ...WANTED, min_valid_seconds: 86_400 }, 'r');
    expect(await problemOf(wanted)).toBe('refresh_pending');
    expect(await written()).toEqual({ leases: 0, entries: 0 });
  });

  it('are refused to a key that ended since the caller was read', async () => {
    await connect(room, clock);
    const caller = await client();
    await database.run({ text: 'UPDATE client SET deleted_at = $1', values: [clock.now()] });
    expect(await problemOf(issue.issue(caller, WANTED, 'r'))).toBe('unauthenticated');
    expect(await written()).toEqual({ leases: 0, entries: 0 });
  });

  it('are refused for a token that was moved to another row or tenant', async () => {
    await connect(room, clock, { root: { token: 'EAAa' } });
    await connect(room, clock, { tenant: 'tenant-b', metaUserId: '2', root: { token: 'EAAb' } });
    const caller = await client();
    await database.run({
      text: `UPDATE credential k SET secret_id = o.secret_id FROM credential o, connection c, connection d
        WHERE k.connection_id = c.id AND c.tenant = 'tenant-a' AND o.connection_id = d.id AND d.tenant = 'tenant-b'`,
    });
    const moved = issue.issue(caller, { ...WANTED, mode: 'token' }, 'r');
    expect(await problemOf(moved)).toBe('credential_unreadable');
    const whole = await issue.issue(caller, { ...WANTED, tenant: 'tenant-b', mode: 'token' }, 'r');
    expect(whole.access_token).toBe('EAAb');
  });

  it('go together in a batch without mixing up', async () => {
    const callers = await Promise.all(Array.from({ length: 4 }, () => client()));
    for (let i = 0; i < 4; i++)
      await connect(room, clock, { tenant: `t${i}`, metaUserId: `${i}`, root: { token: `EAA${i}` } });
    const leases = await Promise.all(
      Array.from({ length: 200 }, async (_, i) => {
        const tenant = `t${i % 5}`;
        const wanted = issue.issue(callers[i % 4] as Caller, { ...WANTED, tenant, mode: 'token' }, `r${i}`);
        if (i % 5 === 4) return problemOf(wanted);
        return (await wanted).access_token;
      }),
    );
    for (const [i, answer] of leases.entries())
      expect(answer).toBe(i % 5 === 4 ? 'connection_not_found' : `EAA${i % 5}`);
    expect(await written()).toEqual({ leases: 160, entries: 160 });
    const wrong = await database.rows({
      text: `SELECT 1 FROM lease l JOIN connection c ON c.id = l.connection_id WHERE l.tenant <> c.tenant`,
    });
    expect(wrong).toEqual([]);
  });

  describe('their end', () => {
    it('counts from the very next call, by whatever it came', async () => {
      const connectionId = await connect(room, clock);
      const caller = await client();
      const endings: [string, (leaseId: string) => Promise<unknown>][] = [
        ['deleted', (leaseId) => records.end(caller, leaseId, 'r')],
        ['expired', async () => clock.advance(901)],
        ['reauth', () => database.run({ text: `UPDATE connection SET status = 'reauth_required'` })],
        ['client', () => database.run({ text: 'UPDATE client SET deleted_at = now()' })],
        ['revoked', () => room.revoke.revoke(connectionId, { actor: SYSTEM, requestId: null, reason: 't' })],
      ];
      for (const [, end] of endings) {
        await database.run({ text: `UPDATE connection SET status = 'active'` });
        await database.run({ text: 'UPDATE client SET deleted_at = NULL' });
        const lease = await issue.issue(caller, WANTED, 'r');
        expect(await check.grant(lease.access_token)).not.toBeNull();
        expect([...(await check.stillGood([lease.lease_id]))]).toEqual([lease.lease_id]);
        await end(lease.lease_id);
        expect(await check.grant(lease.access_token)).toBeNull();
        expect([...(await check.stillGood([lease.lease_id]))]).toEqual([]);
        expect(await records.introspect(caller, lease.access_token, 'http://x')).toEqual({ active: false });
      }
    });

    it('may be said twice, is audited once, and is nobody else’s business', async () => {
      await connect(room, clock);
      const [caller, stranger] = [await client(), await client()];
      const lease = await issue.issue(caller, WANTED, 'r');
      expect(await records.end(stranger, lease.lease_id, 'r')).toBe(false);
      expect(await records.find(stranger, lease.lease_id)).toBeNull();
      expect(await records.end(caller, lease.lease_id, 'r')).toBe(true);
      expect(await records.end(caller, lease.lease_id, 'r')).toBe(true);
      expect(await records.find(caller, lease.lease_id)).toMatchObject({ status: 'ended' });
      expect(await database.rows({ text: `SELECT 1 FROM audit_entry WHERE action = 'lease.ended'` })).toHaveLength(1);
    });

    it('is introspected in the shape of RFC 7662, for the owner and for admins', async () => {
      await connect(room, clock);
      const [caller, stranger] = [await client(), await client()];
      const lease = await issue.issue(caller, WANTED, 'r');
      const answer = await records.introspect(caller, lease.access_token, 'http://x');
      const now = clock.now().getTime() / 1000;
      expect(answer).toMatchObject({
        active: true,
        client_id: caller.clientId,
        iat: now,
        exp: now + 900,
        scope: 'pages_show_list',
      });
      expect(await records.introspect({ ...stranger, role: 'admin' }, lease.access_token, 'x')).toMatchObject({
        active: true,
      });
      expect(await records.introspect(stranger, lease.access_token, 'x')).toEqual({ active: false });
      expect(await records.introspect(caller, 'EAAnothing', 'x')).toEqual({ active: false });
    });
  });

  it('are forgotten once they ended before the retention, in batches; those that still live, and all entries, stay', async () => {
    await connect(room, clock);
    const caller = await client();
    const old: string[] = [];
    for (let index = 0; index < 3; index++) old.push((await issue.issue(caller, WANTED, 'r')).lease_id);
    await records.end(caller, old[0] ?? '', 'r');
    clock.advance(900);
    const young = await issue.issue(caller, WANTED, 'r');
    const entries = (await written()).entries;
    // Issued before, but not ended before: its life ends later.
    expect(await records.purge(clock.now(), 100)).toBe(0);
    clock.advance(1);
    const endedBefore = clock.now();
    clock.advance(30 * 86_400);
    expect(await records.purge(endedBefore, 2)).toBe(2);
    expect(await records.purge(endedBefore, 2)).toBe(1);
    expect(await records.purge(endedBefore, 2)).toBe(0);
    const left = await database.rows({ text: 'SELECT id FROM lease' });
    expect(left).toEqual([{ id: young.lease_id }]);
    expect((await written()).entries).toBe(entries);
  });

  it('take up a new version of the token with the very next call, and none where it is gone', async () => {
    await connect(room, clock);
    const caller = await client();
    const [a, b] = [await issue.issue(caller, WANTED, 'r'), await issue.issue(caller, WANTED, 'r')];
    const tokens = async (): Promise<(string | undefined)[]> =>
      (await Promise.all([a, b, a].map((lease) => check.grant(lease.access_token)))).map((grant) =>
        grant?.accessToken.expose(),
      );
    expect(await tokens()).toEqual(Array(3).fill('EAArootToken'));
    await connect(room, clock, { root: { token: 'EAAnewToken' } });
    expect((await check.grant(a.access_token))?.accessToken.expose()).toBe('EAAnewToken');
    // One that is known in its new version, one in its old, in one statement.
    expect(await tokens()).toEqual(Array(3).fill('EAAnewToken'));
    expect((await check.grant(b.access_token))?.credentialVersion).toBe(2);
    await database.run({ text: 'UPDATE credential SET secret_id = NULL' });
    expect(await tokens()).toEqual([undefined, undefined, undefined]);
  });

  it('stand in for the tokens of an answer, for credentials of the same connection only', async () => {
    await connect(room, clock, { pages: PAGES });
    await connect(room, clock, { tenant: 'tenant-b', metaUserId: '9', root: { token: 'EAAforeign' } });
    const lease = await issue.issue(await client(), WANTED, 'r');
    const grant = await check.grant(lease.access_token);
    if (grant === null) throw new Error('no grant');
    const given = await inAnswers.issueFor(
      grant,
      ['EAApage501', 'EAAforeign', 'EAAunknown'].map((metaToken) => ({ metaToken, objectId: null })),
    );
    expect([...given.keys()]).toEqual(['EAApage501']);
    const inner = await check.grant(given.get('EAApage501') ?? '');
    expect(inner).toMatchObject({ kind: 'page', leaseExpiresAt: grant.leaseExpiresAt });
    expect(await written()).toEqual({ leases: 2, entries: 2 });
  });

  it('stand in for a new token of a Page that we hold, known by the Page, never by another connection’s', async () => {
    await connect(room, clock, { pages: [...PAGES, { id: '502', token: 'EAApage502' }] });
    const other = { tenant: 'tenant-b', metaUserId: '9', root: { token: 'EAAforeign' } };
    await connect(room, clock, { ...other, pages: [{ id: '901', token: 'EAApage901' }] });
    const lease = await issue.issue(await client(), WANTED, 'r');
    const grant = await check.grant(lease.access_token);
    if (grant === null) throw new Error('no grant');
    const given = await inAnswers.issueFor(grant, [
      { metaToken: 'EAAnew501', objectId: '501' },
      { metaToken: 'EAAnew901', objectId: '901' },
      { metaToken: 'EAApage502', objectId: '501' },
      { metaToken: 'EAAofTheRoot', objectId: '1' },
    ]);
    expect([...given.keys()].sort()).toEqual(['EAAnew501', 'EAApage502']);
    const opened = async (metaToken: string) => (await check.grant(given.get(metaToken) ?? ''))?.accessToken.expose();
    // The token itself says more than what stands beside it.
    expect([await opened('EAAnew501'), await opened('EAApage502')]).toEqual(['EAApage501', 'EAApage502']);
  });
});
