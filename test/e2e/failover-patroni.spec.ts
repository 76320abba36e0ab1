import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { UnconfirmedEndings } from '../../src/database/standby/unconfirmed-endings.ts';
import { type ConnectTestContext, openConnectTestContext } from '../support/connect-test-context.ts';
import { connectTenants, findLostWrites, startLoad } from '../support/failover-load.ts';
import { openResources } from '../support/open-resources.ts';
import { findPatroniTools, type PatroniCluster, startPatroniCluster } from '../support/patroni-cluster.ts';

const MINUTE_MS = 60_000;
const tools = findPatroniTools();
const skipped = 'why' in tools ? ` [skipped: ${tools.why}]` : '';

('why' in tools ? describe.skip : describe)(`a Patroni cluster whose leader is killed${skipped}`, () => {
  let cluster: PatroniCluster;
  let context: ConnectTestContext;
  let opened: { close(): Promise<void> } | undefined;

  beforeAll(async () => {
    if ('why' in tools) return;
    opened = await openResources(async (closeLater) => {
      cluster = closeLater(await startPatroniCluster(tools));
      context = closeLater(await openConnectTestContext({ databaseUrl: cluster.url }));
      return {};
    });
  }, 3 * MINUTE_MS);
  afterAll(() => opened?.close(), MINUTE_MS);

  it(
    'answers 503 until the next one takes over, and loses no ending that was answered',
    async () => {
      const load = await startLoad(context, await connectTenants(context, 6));
      try {
        await load.served(2);
        await cluster.killLeader();
        await cluster.leaderUrl();
        await load.served(2);
      } finally {
        await load.stop();
      }
      await context.replica.app.get(UnconfirmedEndings).job.runOnce();
      const refused = load.answers.filter(({ status }) => status >= 300);
      expect(refused.length).toBeGreaterThan(0);
      expect(refused.filter(({ status, code }) => status !== 503 || code !== 'database_unavailable')).toEqual([]);
      expect((await findLostWrites(await cluster.leaderUrl(), load)).ended).toEqual([]);
    },
    3 * MINUTE_MS,
  );
});
