import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { AssetUpdateService } from '../../../../src/connections/assets/asset-update.service.ts';
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

function openReplica(): AssetUpdateService {
  const unused = {} as never;
  return new AssetUpdateService(opened.database, unused, unused, unused, clock, new SystemRandom(), testConfig());
}

it('claims due rediscoveries with tenants taking turns, each exactly once', async () => {
  const { database } = opened;
  await seedDueCredentials(database, { tenant: 'large', count: 1_000, now: clock.now() });
  await seedDueCredentials(database, { tenant: 'small', count: 3, now: clock.now() });
  const replicas = [openReplica(), openReplica()];
  const claimed = (await Promise.all(replicas.map((replica) => replica.claimDue('app', 8)))).flat();
  expect(claimed.filter((id) => id.includes('small'))).toHaveLength(3);
  const work = async (replica: AssetUpdateService): Promise<void> => {
    for (let found = await replica.claimDue('app', 200); found.length > 0; found = await replica.claimDue('app', 200))
      claimed.push(...found);
  };
  await Promise.all(replicas.map(work));
  expect(claimed).toHaveLength(1_003);
  expect(new Set(claimed).size).toBe(1_003);
});
