import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SYSTEM } from '../../../src/audit/actor.ts';
import type { AuthenticatedClient } from '../../../src/auth/authenticated-client.ts';
import { type LeaseOwners, listLeases } from '../../../src/leases/lease-list.query.ts';
import { leaseSpans } from '../../../src/leases/lease-spans.ts';
import type { ListLeasesRequest } from '../../../src/leases/list-leases.dto.ts';
import { firstIdAt } from '../../../src/platform/ids.ts';
import { connect } from '../../support/connections-harness.ts';
import { copyRows } from '../../support/copy-rows.ts';
import { LEASE_REQUEST, type LeasesTestContext, openLeasesTestContext } from '../../support/leases-test-context.ts';

let context: LeasesTestContext;

beforeEach(async () => {
  context = await openLeasesTestContext();
});
afterEach(() => context?.close());

const issue = async (client: AuthenticatedClient, tenant = LEASE_REQUEST.tenant): Promise<string> =>
  (await context.issue.issue(client, { ...LEASE_REQUEST, tenant }, 'r')).lease_id;
/** The ids on all pages, and the lengths of the pages. */
const list = async (client: AuthenticatedClient, query: Partial<ListLeasesRequest> = {}) => {
  const pages: string[][] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await context.lists.list(client, { limit: 50, ...query, ...(cursor === undefined ? {} : { cursor }) });
    pages.push(page.data.map(({ lease_id: id }) => id));
    if (page.next_cursor === null) return { ids: pages.flat(), lengths: pages.map(({ length }) => length) };
    cursor = page.next_cursor;
  }
};
const ids = async (client: AuthenticatedClient, query: Partial<ListLeasesRequest> = {}): Promise<string[]> =>
  (await list(client, query)).ids;

describe('a list of leases', () => {
  it('goes from the newest to the oldest in pages, across hours and days', async () => {
    const connectionId = await connect(context.connections, context.clock);
    const client = await context.client();
    const issued: string[] = [];
    for (const seconds of [0, 1, 5400, 7200, 30_000, 90_000, 500_000, 3_000_000]) {
      context.clock.advance(seconds);
      issued.unshift(await issue(client));
    }
    const all = await list(client, { limit: 3 });
    expect(all).toEqual({ ids: issued, lengths: [3, 3, 2] });
    for (const limit of [1, 3, 8, 50])
      expect(await ids(client, { connection_id: connectionId, limit })).toEqual(issued);
    expect(await ids(client, { connection_id: 'con_01jd0000000000000000000000' })).toEqual([]);
  });

  it('shows what each lease shows by itself, by its status', async () => {
    const other = await connect(context.connections, context.clock, { tenant: 'tenant-b' });
    await connect(context.connections, context.clock);
    const client = await context.client();
    const expired = await issue(client);
    context.clock.advance(901);
    const [active, ended, revoked] = [await issue(client), await issue(client), await issue(client, 'tenant-b')];
    await context.records.end(client, ended, 'r');
    await context.connections.revoke.revoke(other, { actor: SYSTEM, requestId: null, reason: 't' });
    const { data } = await context.lists.list(client, { limit: 50 });
    expect(data).toEqual(
      await Promise.all([revoked, ended, active, expired].map((id) => context.records.find(client, id))),
    );
    expect(await ids(client, { status: 'active' })).toEqual([active]);
    expect(await ids(client, { status: 'ended' })).toEqual([revoked, ended]);
    expect(await ids(client, { status: 'expired' })).toEqual([expired]);
    expect(await ids(client, { status: 'active', connection_id: other })).toEqual([]);
  });

  it('shows a service its own, and admins and auditors those of their policy', async () => {
    await connect(context.connections, context.clock);
    await connect(context.connections, context.clock, { tenant: 'tenant-b' });
    const [one, two] = [await context.client(), await context.client()];
    const [first, second, third] = [await issue(one), await issue(two), await issue(two, 'tenant-b')];
    const as = (client: AuthenticatedClient, role: AuthenticatedClient['role'], tenants = ['*']) => ({
      ...client,
      role,
      tenants,
    });
    const stranger = await context.client();
    expect(await ids(one)).toEqual([first]);
    expect(await ids(one, { client_id: two.clientId })).toEqual([]);
    expect(await ids(stranger)).toEqual([]);
    expect(await ids(as(stranger, 'admin'))).toEqual([third, second, first]);
    expect(await ids(as(stranger, 'admin'), { client_id: two.clientId })).toEqual([third, second]);
    for (const role of ['admin', 'auditor'] as const)
      expect(await ids(as(stranger, role, ['tenant-a']))).toEqual([second, first]);
    expect(await ids(as(stranger, 'auditor', ['tenant-a']), { client_id: two.clientId, limit: 1 })).toEqual([second]);
  });

  it('shows those of a tenant across hours and days', async () => {
    const own = await connect(context.connections, context.clock);
    await connect(context.connections, context.clock, { tenant: 'tenant-b' });
    const [one, two] = [await context.client(), await context.client()];
    const issued: string[] = [];
    for (const seconds of [0, 5400, 30_000, 500_000, 3_000_000]) {
      context.clock.advance(seconds);
      issued.unshift(await issue(one));
      await issue(two, 'tenant-b');
    }
    const admin = { ...one, role: 'admin' as const };
    for (const limit of [1, 2, 50]) expect(await ids(admin, { tenant: 'tenant-a', limit })).toEqual(issued);
    expect(await ids(admin, { tenant: 'tenant-a', client_id: two.clientId })).toEqual([]);
    expect(await ids(admin, { tenant: 'tenant-b', connection_id: own })).toEqual([]);
    expect(await ids(admin, { tenant: 'tenant-a', status: 'active' })).toEqual(issued.slice(0, 1));
    expect(await ids(one, { tenant: 'tenant-a' })).toEqual(issued);
    expect(await ids(two, { tenant: 'tenant-a' })).toEqual([]);
    expect(await ids(admin, { tenant: 'nobody' })).toEqual([]);
  });

  it('leaves out a lease that was changed in the database', async () => {
    await connect(context.connections, context.clock);
    const client = await context.client();
    const [forged, genuine] = [await issue(client), await issue(client)];
    await context.database.run({ text: `UPDATE lease SET tenant = 'tenant-b' WHERE id = $1`, values: [forged] });
    expect(await ids(client)).toEqual([genuine]);
  });
});

describe('among many leases', () => {
  const fill = async (client: AuthenticatedClient): Promise<void> => {
    await issue(client);
    const minute = (n: number): Date => new Date(context.clock.now().getTime() - n * 60_000);
    const numbers = Array.from({ length: 30_000 }, (_, index) => index + 1);
    await copyRows(context.database.longRunning, {
      table: 'lease',
      each: 'unnest($1::text[], $2::timestamptz[]) AS made (id, at)',
      where: 'o.mac IS NOT NULL',
      set: {
        id: 'made.id',
        issued_at: 'made.at',
        expires_at: 'made.at',
        mac: 'NULL',
        connection_id: `CASE WHEN made.at = $3::timestamptz THEN 'con_gone' ELSE o.connection_id END`,
      },
      values: [
        numbers.map((n) => `${firstIdAt('lse', minute(n))}${String(n).padStart(16, '0')}`),
        numbers.map(minute),
        minute(11),
      ],
    });
    await context.database.longRunning.run({ text: 'ANALYZE' });
  };
  const explain = async (owners: Partial<LeaseOwners>): Promise<string> => {
    const plans: string[] = [];
    const executor = {
      rows: async ({ text, values = [] }: { text: string; values?: readonly unknown[] }) => {
        const query = { text: `EXPLAIN (COSTS OFF) ${text}`, values: [...values] };
        const rows = await context.database.rows<Record<string, string>>(query);
        plans.push(...rows.map((row) => row['QUERY PLAN'] ?? ''));
        return [];
      },
      run: async () => 0,
    };
    const whose = { connectionId: null, tenant: null, clientId: null, ...owners };
    for (const span of leaseSpans(whose, { before: null, isActive: false, now: context.clock.now() }))
      await listLeases(executor as never, whose, { ...span, limit: 51 });
    return plans.join('\n');
  };

  it('a page reads by index, and no more than a thousand leases', async () => {
    await connect(context.connections, context.clock);
    const connectionId = await connect(context.connections, context.clock, { tenant: 'tenant-b' });
    const [busy, quiet] = [await context.client(), await context.client()];
    await fill(busy);
    const lease = await issue(quiet, 'tenant-b');
    const { clientId } = quiet;
    expect(await explain({})).toMatch(/Index Scan Backward using lease_first_pkey/);
    for (const [owners, index] of [
      [{ clientId: busy.clientId }, 'client'],
      [{ connectionId }, 'connection'],
      // Either index finds one lease.
      [{ connectionId, clientId }, '(?:client|connection)'],
    ] as const) {
      const plan = await explain(owners);
      expect(plan).toMatch(new RegExp(`Index Scan (?:Backward )?using lease_first_${index}_time`));
      expect(plan).not.toMatch(/Seq Scan on lease_first/);
    }
    const admin = { ...quiet, role: 'admin' as const };
    const page = await context.lists.list(admin, { limit: 50, status: 'ended' });
    const gone = expect.stringMatching(/^lse_.{24}11$/);
    expect(page).toMatchObject({ data: [{ lease_id: gone, status: 'ended' }], next_cursor: expect.any(String) });
    const whole = await context.lists.list({ ...busy, role: 'admin' }, { limit: 100 });
    expect([whole.data.length, whole.next_cursor]).toEqual([100, expect.any(String)]);
    expect(await ids(quiet)).toEqual([lease]);
    expect(await ids(admin, { connection_id: connectionId })).toEqual([lease]);
    expect(await ids(admin, { status: 'active', limit: 1 })).toHaveLength(2);
  });

  it('a page of a tenant reads by the connections of the tenant', async () => {
    await connect(context.connections, context.clock, { tenant: 'tenant-b' });
    const client = await context.client();
    const lease = await issue(client, 'tenant-b');
    await copyRows(context.database.longRunning, {
      table: 'lease',
      each: 'generate_series(1, 30000) n',
      where: 'o.id = $1',
      set: {
        id: `'lse_0' || lpad(n::text, 25, '0')`,
        tenant: `'tenant-a'`,
        connection_id: `'con_' || n % 500`,
        mac: 'NULL',
      },
      values: [lease],
    });
    await context.database.longRunning.run({ text: 'ANALYZE' });
    const plan = await explain({ tenant: 'tenant-b' });
    expect(plan).toMatch(/Index Scan Backward using lease_first_connection_time/);
    expect(plan).not.toMatch(/Seq Scan on lease_first/);
    expect(await ids({ ...client, role: 'admin' }, { tenant: 'tenant-b' })).toEqual([lease]);
  });
});
