import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { CredentialClaimRepository } from '../../../../src/connections/credentials/credential-claim.repository.ts';
import { RefreshClaims } from '../../../../src/lifecycle/sweeps/refresh-claims.ts';
import { Ids } from '../../../../src/platform/ids.ts';
import { SystemRandom } from '../../../../src/platform/random.ts';
import { seedDueCredentials } from '../../../support/due-credentials.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { type OpenDatabase, openFreshDatabase } from '../../../support/fresh-database.ts';
import { testConfig } from '../../../support/test-config.ts';

const clock = new FakeClock();
let opened: OpenDatabase;

beforeAll(async () => {
  opened = await openFreshDatabase();
});
afterAll(() => opened?.close());
beforeEach(async () => {
  await opened.database.run({ text: 'DELETE FROM credential' });
  await opened.database.run({ text: 'DELETE FROM connection' });
});

function openReplica(): RefreshClaims {
  const credentials = new CredentialClaimRepository(opened.database, clock, new Ids(clock, new SystemRandom()));
  return new RefreshClaims(credentials, clock, testConfig());
}

async function seed(tenant: string, count: number, columns: Readonly<Record<string, string>>): Promise<void> {
  await seedDueCredentials(opened.database, { tenant, count, now: clock.now(), columns });
}

const LATER = `due_at + interval '6 days'`;

describe('a tenant with many tokens expiring within a day and a requested rotation', () => {
  beforeEach(() => seed('large', 3_000, { rotation_due_at: 'due_at' }));

  it('does not delay another tenant whose tokens have days left', async () => {
    await seed('small', 3, { expires_at: LATER });
    const claim = openReplica().open('app', 'due');
    const claimed = [];
    for (let round = 0; round < 3; round++) claimed.push(...(await claim(8, true)));
    expect(claimed).toHaveLength(24);
    expect(claimed.filter(({ tenant }) => tenant === 'small')).toHaveLength(3);
  });

  it('does not delay it either if tokens are claimed one at a time', async () => {
    await seed('small', 3, { expires_at: LATER });
    const claim = openReplica().open('app', 'due');
    const claimed = [];
    for (let round = 0; round < 18; round++) claimed.push(...(await claim(1, true)));
    expect(claimed).toHaveLength(18);
    expect(claimed.filter(({ tenant }) => tenant === 'small')).toHaveLength(3);
  });

  it('does not delay the retries of another tenant', async () => {
    await seed('small', 3, { expires_at: LATER, failure_attempts: '2' });
    const claimed = [];
    const claim = openReplica().open('app', 'retries');
    for (let round = 0; round < 3; round++) claimed.push(...(await claim(8, true)));
    expect(claimed.filter(({ tenant }) => tenant === 'small')).toHaveLength(3);
  });
});

describe('tokens that expire within a day', () => {
  it('go first, also in the sweep of each minute, which leaves the rest to the schedule', async () => {
    await seed('many', 300, { expires_at: LATER });
    for (const tenant of ['one', 'two']) await seed(tenant, 2, {});
    const claimed = await openReplica().open('app', 'retries')(8, true);
    expect(claimed.map(({ tenant }) => tenant).sort()).toEqual(['one', 'one', 'two', 'two']);
  });

  it('are claimed with tenants taking turns while the app is stopped, then those with an unknown expiry', async () => {
    await seed('large', 300, {});
    await seed('small', 1, {});
    await seed('unknown', 1, { expires_at: 'NULL' });
    const replica = openReplica();
    const endsBefore = new Date(clock.now().getTime() + 86_400_000);
    const tenants = [];
    for (let index = 0; index < 302; index++) tenants.push((await replica.claimNearExpiry('app', endsBefore))?.tenant);
    expect(tenants.slice(0, 2).sort()).toEqual(['large', 'small']);
    expect(tenants.at(-1)).toBe('unknown');
    expect(await replica.claimNearExpiry('app', endsBefore)).toBeNull();
  });
});
