// Kills the primary under load, promotes the standby, points the address to it: seconds of 503, and what was lost.
// Runs the sources as they are, through typescript-hook.mjs. BENCH_ROUNDS failovers of each kind of replication.
import { UnconfirmedEndings } from '../../src/database/standby/unconfirmed-endings.ts';
import { openConnectTestContext } from '../support/connect-test-context.ts';
import { connectTenants, findLostWrites, startLoad } from '../support/failover-load.ts';
import { startPostgresPair } from '../support/postgres-pair.ts';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const CONNECTIONS = 12;
const seconds = (ms) => Number((ms / 1000).toFixed(2));

async function failOver(isSynchronous) {
  const pair = await startPostgresPair();
  const context = await openConnectTestContext({ databaseUrl: pair.url });
  const { job } = context.replica.app.get(UnconfirmedEndings);
  const review = setInterval(() => void job.runOnce(), 1_000);
  try {
    if (isSynchronous) await pair.replicateSynchronously();
    const load = await startLoad(context, await connectTenants(context, CONNECTIONS));
    await load.served(5);
    const killedAtMs = performance.now();
    await pair.killPrimary();
    await pair.promote();
    pair.switchOver();
    const promotedAtMs = performance.now();
    await load.served(5);
    await load.stop();
    await job.runOnce();
    const refused = load.answers.filter(({ status }) => status >= 300);
    const lost = await findLostWrites(pair.standbyUrl, load);
    return {
      replication: isSynchronous ? 'synchronous' : 'asynchronous',
      'kill to promotion s': seconds(promotedAtMs - killedAtMs),
      'last 503 after promotion s': seconds(Math.max(0, ...refused.map(({ atMs }) => atMs - promotedAtMs))),
      answers: load.answers.length,
      refused: refused.length,
      'not 503': refused.filter(({ status }) => status !== 503).length,
      'lost made': lost.made.length,
      'lost endings': lost.ended.length,
    };
  } finally {
    clearInterval(review);
    await context.close().catch(() => undefined);
    await pair.close();
  }
}

for (const isSynchronous of [true, false])
  for (let round = 0; round < ROUNDS; round++)
    process.stdout.write(`${JSON.stringify(await failOver(isSynchronous))}\n`);
process.exit();
