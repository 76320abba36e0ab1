import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { CredentialClaimRepository } from '../../../src/connections/credentials/credential-claim.repository.ts';
import type { ClaimedCredential } from '../../../src/connections/credentials/credential-snapshot.ts';
import { TENANTS_PER_VISIT } from '../../../src/connections/tenant-turn.ts';
import type { Database } from '../../../src/database/database.ts';
import type { Statement } from '../../../src/database/statement.ts';
import { Ids } from '../../../src/platform/ids.ts';
import { SystemRandom } from '../../../src/platform/random.ts';
import { seedDueCredentials } from '../../support/due-credentials.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { type OpenDatabase, openFreshDatabase } from '../../support/fresh-database.ts';

const LIMIT = 32;
const CLAIM_SECONDS = 60;
const MANY = 2_000;

const clock = new FakeClock();
let opened: OpenDatabase;

beforeAll(async () => {
  opened = await openFreshDatabase();
});
afterAll(() => opened?.close());
beforeEach(async () => {
  await opened.database.run({ text: 'TRUNCATE connection CASCADE' });
});

/** What one replica claims with. Each replica tracks its own turns. */
function openReplica(database: Database = opened.database): CredentialClaimRepository {
  return new CredentialClaimRepository(database, clock, new Ids(clock, new SystemRandom()));
}

/** The database, and the statements sent to it. */
function listen(): { asked: Statement[]; database: Database } {
  const asked: Statement[] = [];
  const rows = (statement: Statement) => {
    asked.push(statement);
    return opened.database.rows(statement);
  };
  return { asked, database: { rows } as unknown as Database };
}

const seed = (tenant: string, count: number, columns: Readonly<Record<string, string>> = {}): Promise<void> =>
  seedDueCredentials(opened.database, { tenant, count, now: clock.now(), columns });

type Claim = (claims: CredentialClaimRepository, limit: number) => Promise<ClaimedCredential[]>;

const inOneDay = (): Date => new Date(clock.now().getTime() + 86_400_000);

const KINDS: readonly { name: string; columns: Readonly<Record<string, string>>; claim: Claim }[] = [
  { name: 'refreshes', columns: {}, claim: (claims, limit) => claims.claimRefreshes('app', limit, CLAIM_SECONDS) },
  {
    name: 'retries',
    columns: { failure_attempts: '1' },
    claim: (claims, limit) => claims.claimRetries('app', limit, CLAIM_SECONDS),
  },
  {
    name: 'refreshes of what ends soon',
    columns: {},
    claim: (claims, limit) => claims.claimEnding('app', limit, CLAIM_SECONDS, inOneDay()),
  },
  {
    name: 'refreshes of what ends at an unknown time',
    columns: {},
    claim: (claims, limit) => claims.claimUnknownEnds('app', limit, CLAIM_SECONDS),
  },
  {
    name: 'rotations',
    columns: { rotation_due_at: 'due_at' },
    claim: (claims, limit) => claims.claimRotations('app', limit, CLAIM_SECONDS),
  },
  {
    name: 'inspections',
    columns: {},
    claim: (claims, limit) => claims.claimDueInspections('app', limit, CLAIM_SECONDS),
  },
  {
    name: 'requested verifications',
    columns: { health: `'unknown'` },
    claim: (claims, limit) => claims.claimDueInspections('app', limit, CLAIM_SECONDS, true),
  },
];

describe.each(KINDS)('$name', ({ name, columns, claim }) => {
  const seedDue = async (tenant: string, count: number): Promise<void> => {
    await seed(tenant, count, columns);
    if (name.includes('unknown'))
      await opened.database.longRunning.run({ text: 'UPDATE credential SET expires_at = NULL' });
  };

  it('of a small tenant are in the first claim of any replica, and all are claimed exactly once', async () => {
    await seedDue('large', MANY);
    await seedDue('small', 3);
    const replicas = [openReplica(), openReplica()];
    const first = await Promise.all(replicas.map((replica) => claim(replica, 8)));
    const tenants = first.map((claimed) => claimed.map((one) => one.tenant));
    expect(tenants.flat().filter((tenant) => tenant === 'small')).toHaveLength(3);
    for (const claimed of tenants)
      expect(claimed.filter((tenant) => tenant === 'large').length).toBeGreaterThanOrEqual(4);

    const ids = first.flat().map(({ id }) => id);
    const work = async (replica: CredentialClaimRepository): Promise<void> => {
      for (let claimed = await claim(replica, 500); claimed.length > 0; claimed = await claim(replica, 500))
        ids.push(...claimed.map(({ id }) => id));
    };
    await Promise.all(replicas.map(work));
    expect(ids).toHaveLength(MANY + 3);
    expect(new Set(ids).size).toBe(MANY + 3);
  });

  it('are found by index searches, no matter how many are due', async () => {
    await seedDue('large', MANY);
    await seedDue('small', 3);
    const { asked, database } = listen();
    const replica = openReplica(database);
    await claim(replica, LIMIT);
    // A visit, the shares, and what the small tenant left of its share.
    expect(asked.length).toBe(3);
    for (const { text, values = [] } of asked) {
      const plan = await explain(text, values);
      expect(readRows(plan)).toBeLessThan(LIMIT * 4);
      expect(plan.filter((node) => node['Node Type'] === 'Seq Scan' && node['Relation Name'] === 'credential')).toEqual(
        [],
      );
      expect(plan.filter((node) => node['Node Type'] === 'Sort' && node['Actual Rows'] > LIMIT)).toEqual([]);
      const conditions = plan.flatMap((node) =>
        node['Relation Name'] === 'credential' ? (node['Index Cond'] ?? []) : [],
      );
      expect(conditions.filter((condition) => /tenant/.test(condition)).length).toBeGreaterThan(0);
    }
  });

  it('are found by index searches, one of each of many tenants, with the plan that Postgres keeps', async () => {
    await seed('many', MANY, { ...columns, tenant: '$1 || n % 1000' });
    if (name.includes('unknown'))
      await opened.database.longRunning.run({ text: 'UPDATE credential SET expires_at = NULL' });
    const { asked, database } = listen();
    expect(await claim(openReplica(database), LIMIT)).toHaveLength(LIMIT);
    const kept = asked.filter((statement) => /_one_each$/.test(statement.name ?? ''));
    expect(kept).toHaveLength(1);
    for (const statement of kept) {
      const plan = await explainKept(statement);
      expect(readRows(plan)).toBeLessThan(LIMIT * 4);
      expect(plan.filter((node) => node['Node Type'] === 'Seq Scan' && node['Relation Name'] === 'credential')).toEqual(
        [],
      );
    }
  });
});

describe('tenants', () => {
  it('are visited in batches, and those with nothing due cost no claim', async () => {
    for (let index = 0; index < 3; index++) await seed(`due-${index}`, 1);
    const tomorrow = `$3::timestamptz + interval '1 day'`;
    await seed('f', 3 * TENANTS_PER_VISIT, { tenant: '$1 || n', refresh_after: tomorrow, refresh_due_at: tomorrow });
    const replica = openReplica();
    const claimed = await replica.claimRefreshes('app', LIMIT, CLAIM_SECONDS);
    expect(claimed.map(({ tenant }) => tenant).sort()).toEqual(['due-0', 'due-1', 'due-2']);
    expect(await replica.claimRefreshes('app', LIMIT, CLAIM_SECONDS)).toEqual([]);
    clock.advance(2 * 86_400);
    const ids = new Set<string>();
    for (let found = await replica.claimRefreshes('app', LIMIT, CLAIM_SECONDS); found.length > 0; ) {
      for (const { id } of found) ids.add(id);
      found = await replica.claimRefreshes('app', LIMIT, CLAIM_SECONDS);
    }
    expect(ids.size).toBe(3 * TENANTS_PER_VISIT + 3);
  });

  it('include the unnamed tenant under which replicas of the previous release insert', async () => {
    await seed('any', 2);
    await opened.database.run({ text: `UPDATE credential SET tenant = ''` });
    const claimed = await openReplica().claimRefreshes('app', LIMIT, CLAIM_SECONDS);
    expect(claimed.map(({ tenant }) => tenant)).toEqual(['any', 'any']);
  });

  it('keep their order: earliest expiry first regardless of failures, and nothing before its back-off', async () => {
    await seed('one', 40);
    await opened.database.run({
      text: `UPDATE credential SET failure_attempts = 1, refresh_due_at = $1 WHERE id = 'crd_one2'`,
      values: [clock.now()],
    });
    await opened.database.run({
      text: `UPDATE credential SET failure_attempts = 1, refresh_due_at = $1::timestamptz + interval '1 minute' WHERE id = 'crd_one3'`,
      values: [clock.now()],
    });
    const claimed = await openReplica().claimRefreshes('app', 4, CLAIM_SECONDS);
    expect(claimed.map(({ id }) => id)).toEqual(['crd_one1', 'crd_one2', 'crd_one4', 'crd_one5']);
  });

  it('get abandoned work back with the next retries, once its claim has expired', async () => {
    await seed('one', 40);
    const left = await openReplica().claimRefreshes('app', 4, CLAIM_SECONDS);
    const other = openReplica();
    expect(await other.claimRetries('app', LIMIT, CLAIM_SECONDS)).toEqual([]);
    clock.advance(CLAIM_SECONDS + 1);
    const taken = await other.claimRetries('app', LIMIT, CLAIM_SECONDS);
    expect(taken.map(({ id }) => id)).toEqual(left.map(({ id }) => id));
  });
});

interface PlanNode {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Cond'?: string;
  'Actual Rows': number;
  'Actual Loops': number;
  'Rows Removed by Filter'?: number;
  Plans?: PlanNode[];
}

/** Every node of the executed plan. */
async function explain(text: string, values: unknown[]): Promise<PlanNode[]> {
  const flat = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(flat)];
  const [row] = await opened.database.rows<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>({
    text: `EXPLAIN (ANALYZE, FORMAT JSON) ${text}`,
    values,
  });
  return row === undefined ? [] : flat(row['QUERY PLAN'][0].Plan);
}

/** Same for the generic plan, which does not know the values. What it does is undone. */
async function explainKept({ text, values = [] }: Statement): Promise<PlanNode[]> {
  const flat = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(flat)];
  const client = new pg.Client({ connectionString: opened.url });
  await client.connect();
  try {
    await client.query(`BEGIN; SET LOCAL plan_cache_mode = force_generic_plan; PREPARE kept AS ${text}`);
    const given = values.map((value) => client.escapeLiteral(toText(value))).join(', ');
    const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(
      `EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE kept (${given})`,
    );
    return rows.flatMap((row) => flat(row['QUERY PLAN'][0].Plan));
  } finally {
    await client.end();
  }
}

function toText(value: unknown): string {
  if (Array.isArray(value)) return `{${value.join(',')}}`;
  return value instanceof Date ? value.toISOString() : String(value);
}

/** Rows of `credential` that the plan read. */
function readRows(plan: readonly PlanNode[]): number {
  return plan
    .filter((node) => node['Relation Name'] === 'credential' && node['Node Type'] !== 'ModifyTable')
    .reduce(
      (sum, node) => sum + (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)) * node['Actual Loops'],
      0,
    );
}
