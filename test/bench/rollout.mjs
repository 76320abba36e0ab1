// Replaces three replicas behind HAProxy one by one under load, BENCH_ROUNDS times: how many requests failed. Runs
// replicas of the build, on a database of their own.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startEmbeddedPostgres } from '../../src/database/embedded-postgres.ts';
import { SystemRandom } from '../../src/platform/random.ts';
import { startLoad } from '../support/rollout.ts';
import { openRolloutTestContext } from '../support/rollout-test-context.ts';
import { TEST_ENVIRONMENT } from '../support/test-replica.ts';
import { until } from '../support/until.ts';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 10);
const SHUTDOWN_DELAY_SECONDS = '3';
process.env.PROGRAM_BUNDLE = path.resolve(import.meta.dirname, '../../dist/bundle');

async function rollOut(context) {
  const startedMs = performance.now();
  const load = startLoad(context.haproxy.url, context.requests);
  const codes = [];
  for (const index of context.replicas.keys()) codes.push(await context.replace(index));
  // Lets the last successor serve, too.
  const served = load.sent();
  await until(() => load.sent() > served + 100);
  await load.stop();
  return {
    seconds: Math.round((performance.now() - startedMs) / 1000),
    requests: load.sent(),
    failed: load.failures.length,
    // Postgres was slow to answer on this machine, which a rollout alone does not cause.
    'of them database_unavailable': load.failures.filter((failure) => failure.includes('database_unavailable')).length,
    'exit codes': codes.join(' '),
    failures: [...new Set(load.failures)].slice(0, 5),
  };
}

const folder = mkdtempSync(path.join(tmpdir(), 'metavault-rollout-'));
// Postgres runs as a user other than root.
chmodSync(folder, 0o755);
const settings = { max_connections: '200' };
const postgres = await startEmbeddedPostgres({
  directory: folder,
  random: new SystemRandom(),
  ephemeral: true,
  settings,
});
try {
  const context = await openRolloutTestContext(postgres.url, { ...TEST_ENVIRONMENT, SHUTDOWN_DELAY_SECONDS });
  try {
    for (let round = 0; round < ROUNDS; round++) process.stdout.write(`${JSON.stringify(await rollOut(context))}\n`);
  } finally {
    await context.close();
  }
} finally {
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
}
process.exit();
