import { SYSTEM } from '../../../src/audit/actor.ts';
import { ClaimLostError } from '../../../src/connections/claim-lost-error.ts';
import { credentialContext } from '../../../src/connections/credentials/seal-contexts.ts';
import type { Database } from '../../../src/database/database.ts';
import { SecretString } from '../../../src/platform/secret-string.ts';
import { type ConnectionsHarness, connect, createConnectionsHarness } from '../../support/connections-harness.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { type OpenDatabase, openFreshDatabase } from '../../support/fresh-database.ts';
import { testConfig } from '../../support/test-config.ts';
import { openTestVault, type TestVault } from '../../support/test-vault.ts';

const PAGES = [
  { id: '501', token: 'EAApage501' },
  { id: '502', token: 'EAApage502', instagramId: '17841400000000001' },
];

describe('provisioning and revoking connections on Postgres', () => {
  const clock = new FakeClock();
  let open: OpenDatabase;
  let database: Database;
  let sealed: TestVault;
  let harness: ConnectionsHarness;

  beforeEach(async () => {
    open = await openFreshDatabase();
    database = open.database;
    sealed = await openTestVault(database, clock);
    harness = createConnectionsHarness(database, clock, testConfig(), sealed);
  });
  afterEach(() => open.close());

  const count = async (table: string): Promise<number> =>
    Number((await database.rows<{ n: string }>({ text: `SELECT count(*) AS n FROM ${table}` }))[0]?.n);

  it('seals every token, writes an audit entry and event, and leaves no pending authorization', async () => {
    const id = await connect(harness, clock, { pages: PAGES });
    expect(await count('pending_authorization')).toBe(0);
    expect(await count('sealed_secret')).toBe(3);
    const rows = await database.rows<{ action: string; connection_id: string }>({ text: 'SELECT * FROM audit_entry' });
    expect(rows).toMatchObject([{ action: 'connection.created', connection_id: id }]);
    expect(await database.rows({ text: 'SELECT type FROM event' })).toEqual([{ type: 'connection.created' }]);
    const dump = await database.rows<{ t: string }>({
      text: `SELECT string_agg(x::text, ' ') AS t FROM (SELECT s::text AS x FROM sealed_secret s UNION ALL SELECT c::text FROM credential c
        UNION ALL SELECT a::text FROM audit_entry a UNION ALL SELECT e::text FROM event e) d`,
    });
    for (const token of ['EAArootToken', 'EAApage501', 'EAApage502']) {
      expect(dump[0]?.t).not.toContain(token);
      expect(dump[0]?.t).not.toContain(Buffer.from(token).toString('hex'));
    }
  });

  it('binds assets to the credentials that reach them', async () => {
    await connect(harness, clock, { pages: PAGES });
    const rows = await database.rows({
      text: `SELECT a.type, a.id, k.kind, k.subject_id FROM asset a JOIN credential k ON k.id = a.credential_id ORDER BY a.type, a.id`,
    });
    expect(rows).toEqual([
      { type: 'instagram_account', id: '17841400000000001', kind: 'page', subject_id: '502' },
      { type: 'page', id: '501', kind: 'page', subject_id: '501' },
      { type: 'page', id: '502', kind: 'page', subject_id: '502' },
    ]);
  });

  it("gives an asset without a token no credential, not even the root's", async () => {
    await connect(harness, clock, { pages: [{ id: '501', token: null, instagramId: '178' }, ...PAGES.slice(1)] });
    const rows = await database.rows({ text: 'SELECT id, credential_id IS NULL AS bare FROM asset ORDER BY id' });
    expect(rows).toEqual([
      { id: '178', bare: true },
      { id: '17841400000000001', bare: false },
      { id: '501', bare: true },
      { id: '502', bare: false },
    ]);
  });

  it('stores many Pages with few statements, each with its own token', async () => {
    const pages = Array.from({ length: 600 }, (_, n) => ({
      id: String(9000 + n),
      token: `EAAmany${n}`,
      instagramId: `178${n}`,
    }));
    await connect(harness, clock, { pages });
    await connect(harness, clock, { pages });
    expect(await count('credential')).toBe(601);
    expect(await count('asset')).toBe(1200);
    const [row] = await database.rows<{
      id: string;
      connection_id: `con_${string}`;
      secret_id: `sec_${string}`;
      version: number;
    }>({
      text: `SELECT k.id, k.connection_id, k.secret_id, k.version FROM credential k JOIN asset a ON a.credential_id = k.id AND a.id = '178599'`,
    });
    if (row === undefined) throw new Error('no such credential');
    const context = credentialContext({
      tenant: 'tenant-a',
      connectionId: row.connection_id,
      credentialId: row.id as `crd_${string}`,
      kind: 'page',
      version: row.version,
    });
    expect([row.version, (await sealed.vault.get(database, row.secret_id, context))?.expose()]).toEqual([
      2,
      'EAAmany599',
    ]);
  });

  it('keeps the id when the same Meta user connects again, and restores it from reauth_required', async () => {
    const id = await connect(harness, clock, { pages: PAGES });
    await database.run({
      text: `UPDATE connection SET status = 'reauth_required', status_reason = '{"code":"x"}' WHERE id = $1`,
      values: [id],
    });
    expect(await connect(harness, clock, { root: { token: 'EAAsecond' }, pages: PAGES.slice(1) })).toBe(id);
    const [row] = await database.rows({
      text: 'SELECT status, status_reason FROM connection WHERE id = $1',
      values: [id],
    });
    expect(row).toEqual({ status: 'active', status_reason: null });
    const credentials = await database.rows<{ subject_id: string; version: number }>({
      text: 'SELECT subject_id, version FROM credential ORDER BY is_root DESC',
    });
    expect(credentials).toEqual([
      { subject_id: '100000000000001', version: 2 },
      { subject_id: '502', version: 2 },
    ]);
    // Two serving versions and the two they replaced. The Page that was not granted again is gone with its tokens.
    expect(await count('sealed_secret')).toBe(4);
  });

  it('creates one connection from many concurrent authorizations', async () => {
    const ids = await Promise.all(Array.from({ length: 6 }, () => connect(harness, clock, { pages: PAGES })));
    expect(new Set(ids).size).toBe(1);
    expect(await count('connection')).toBe(1);
  });

  it('keeps tenants, products, and users apart', async () => {
    const ids = [
      await connect(harness, clock),
      await connect(harness, clock, { tenant: 'tenant-b' }),
      await connect(harness, clock, { product: 'ads' }),
      await connect(harness, clock, { metaUserId: '2' }),
    ];
    expect(new Set(ids).size).toBe(4);
  });

  it('writes nothing if another replica took over the pending authorization', async () => {
    const pendingAuthorization = await harness.pendingAuthorizations.begin(
      {
        tenant: 't',
        product: 'pages',
        flow: 'facebook_login',
        sessionId: null,
        stateHash: null,
        requestedBy: null,
        stage: 'exchanged',
        expiresAt: null,
        hints: {},
        token: new SecretString('EAAshort'),
      },
      60,
    );
    expect(await harness.pendingAuthorizations.claimDue(10, 60)).toHaveLength(0);
    clock.advance(61);
    const [taken] = await harness.pendingAuthorizations.claimDue(10, 60);
    expect(taken?.id).toBe(pendingAuthorization.id);
    await expect(
      harness.pendingAuthorizations.advance(pendingAuthorization, new SecretString('EAAlong'), null),
    ).rejects.toThrow(ClaimLostError);
    if (taken === undefined) throw new Error('not taken over');
    expect((await harness.pendingAuthorizations.open(taken)).expose()).toBe('EAAshort');
    const next = await harness.pendingAuthorizations.advance(taken, new SecretString('EAAlong'), null);
    expect((await harness.pendingAuthorizations.open(next)).expose()).toBe('EAAlong');
    expect(await count('sealed_secret')).toBe(1);
  });

  describe('revoking', () => {
    const by = { actor: SYSTEM, requestId: null, reason: 'test' };

    it('destroys every token but the one needed to revoke at Meta', async () => {
      const id = await connect(harness, clock, { pages: PAGES });
      expect(await harness.revoke.revoke(id, by)).toMatchObject({ providerRevocation: 'pending', leasesRevoked: 0 });
      expect(await count('sealed_secret')).toBe(1);
      const [kept] = await database.rows<{
        secret_id: `sec_${string}`;
        credential_id: `crd_${string}`;
        version: number;
      }>({
        text: 'SELECT * FROM provider_revocation',
      });
      const context = { tenant: 'tenant-a', connectionId: id, kind: 'user' as const, version: kept?.version ?? 0 };
      const token = await sealed.vault.get(
        database,
        kept?.secret_id ?? 'sec_',
        credentialContext({ ...context, credentialId: kept?.credential_id ?? 'crd_' }),
      );
      expect(token?.expose()).toBe('EAArootToken');
      expect(await count('credential WHERE secret_id IS NOT NULL OR token_hash IS NOT NULL')).toBe(0);
    });

    it('returns the same the second time and changes nothing', async () => {
      const id = await connect(harness, clock);
      const first = await harness.revoke.revoke(id, by);
      clock.advance(5);
      expect(await harness.revoke.revoke(id, by)).toEqual(first);
      expect(await count(`audit_entry WHERE action = 'connection.revoked'`)).toBe(1);
      expect(await harness.revoke.revoke('con_00000000000000000000000000', by)).toBeNull();
    });

    it('is shared while another live connection depends on the same user, even when both are revoked at once', async () => {
      const a = await connect(harness, clock);
      const b = await connect(harness, clock, { tenant: 'tenant-b' });
      const both = await Promise.all([a, b].map((id) => harness.revoke.revoke(id, by)));
      expect(both.map((revoked) => revoked?.providerRevocation).sort()).toEqual(['pending', 'shared']);
      expect(await count('sealed_secret')).toBe(1);
    });

    it('is final: connecting again creates a new connection', async () => {
      const id = await connect(harness, clock);
      await harness.revoke.revoke(id, by);
      expect(await connect(harness, clock)).not.toBe(id);
    });

    it('is not undone by an authorization under way', async () => {
      const id = await connect(harness, clock);
      const [again] = await Promise.all([connect(harness, clock), harness.revoke.revoke(id, by)]);
      const [row] = await database.rows<{ status: string }>({
        text: 'SELECT status FROM connection WHERE id = $1',
        values: [id],
      });
      expect(row?.status).toBe('revoked');
      if (again === id)
        expect(await count(`credential WHERE connection_id = '${id}' AND secret_id IS NOT NULL`)).toBe(0);
    });
  });
});
