// One tenant with a large backlog, and one with three tokens that are due last: how long they wait for their refresh,
// and what a claim costs.
//   FAIRNESS_DUE=100000  FAIRNESS_LATENCY_MS=0   npm run bench:fairness
import { setTimeout as sleep } from 'node:timers/promises';
import { openCoreServices } from '../../dist/src/bootstrap/core-services.js';
import { loadConfig } from '../../dist/src/config/load-config.js';
import { DUE_REFRESHES } from '../../dist/src/connections/credentials/due-credential.repository.js';
import { startEmbeddedPostgres } from '../../dist/src/database/embedded-postgres.js';
import { SystemRandom } from '../../dist/src/platform/random.js';
import { startSandbox } from '../../dist/src/sandbox/sandbox.js';
import { ADMIN_KEY, benchEnvironment, startProcess, temporaryDirectory } from './harness.mjs';
import { seedDue } from './seed-due.mjs';

const DUE = Number(process.env.FAIRNESS_DUE ?? 100_000);
const LATENCY_MS = Number(process.env.FAIRNESS_LATENCY_MS ?? 0);
const DAY = 86_400;
const LIMIT = 32;
const ROUNDS = 20;
/** The rate is taken over this long. */
const RATE_MS = 20_000;

const random = new SystemRandom();
const folder = temporaryDirectory();
const postgres = await startEmbeddedPostgres({ directory: folder.directory, random });
const sandbox = await startSandbox({ now: () => Date.now(), randomBytes: (size) => random.bytes(size) });
const environment = {
  ...benchEnvironment(postgres.url),
  ...sandbox.environment(),
  NODE_ENV: 'test',
  LOG_LEVEL: 'fatal',
};
const coreServices = await openCoreServices({ config: loadConfig(environment), databaseUrl: postgres.url });
const { database, clock } = coreServices;
const appId = sandbox.app.id;

/** The former order of claims: by due time, across all tenants. */
const BY_DUE_TIME = {
  index: `CREATE INDEX by_due_time ON credential (app_id, refresh_after, refresh_due_at) WHERE refresh_due_at IS NOT NULL`,
  claim: (now) => ({
    text: `UPDATE credential SET claim_id = 'clm_bench', claimed_until = $2 WHERE id IN (SELECT id FROM credential
        WHERE app_id = $1 AND refresh_due_at IS NOT NULL AND refresh_after <= $2 AND refresh_due_at <= $2
          AND (claimed_until IS NULL OR claimed_until < $2)
        ORDER BY refresh_after LIMIT ${LIMIT} FOR UPDATE SKIP LOCKED) RETURNING id`,
    values: [appId, now],
  }),
};

/**
 * The median, over `ROUNDS`, of the milliseconds that `statements` take together; `prepare` runs before, and all of it
 * is undone.
 */
async function measure(prepare, statements) {
  const times = [];
  const undone = new Error('undone');
  await database
    .transaction(async (tx) => {
      for (const text of prepare) await tx.run({ text });
      for (let round = 0; round < ROUNDS; round++) {
        let sum = 0;
        for (const { text, values } of statements) {
          const lines = await tx.rows({ text: `EXPLAIN (ANALYZE, TIMING OFF) ${text}`, values });
          const plan = lines.map((line) => line['QUERY PLAN']).join('\n');
          sum += Number(/Execution Time: ([\d.]+)/.exec(plan)?.[1]);
        }
        times.push(sum);
      }
      throw undone;
    })
    .catch((error) => {
      if (error !== undone) throw error;
    });
  return times.sort((one, other) => one - other)[Math.floor(times.length / 2)];
}

const countRefreshed = async (tenant) =>
  Number(
    (
      await database.rows({
        text: 'SELECT count(*) FROM credential WHERE tenant = $1 AND version = 2',
        values: [tenant],
      })
    )[0].count,
  );

try {
  await seedDue(coreServices, sandbox, DUE, { tenantOf: () => 'large', expiresIn: 2 * DAY });
  await seedDue(coreServices, sandbox, 3, { tenantOf: () => 'small', expiresIn: 6 * DAY });
  await database.run({ text: 'VACUUM ANALYZE credential' });
  const now = clock.now();
  const of = { appId, now, from: '' };
  const shares = { tenants: ['large', 'small'], perTenant: LIMIT / 2, claimId: 'clm_bench', claimedUntil: now };
  const inTurn = await measure([], [DUE_REFRESHES.visit(of), DUE_REFRESHES.claim({ ...of, ...shares })]);
  const byDueTime = await measure([BY_DUE_TIME.index], [BY_DUE_TIME.claim(now)]);

  sandbox.state.setLatency(LATENCY_MS);
  const replica = await startProcess('service.mjs', environment);
  const startedAt = performance.now();
  void fetch(`${replica.url}/v1/maintenance/refresh-sweep`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ADMIN_KEY}` },
  }).catch(() => null);
  while ((await countRefreshed('small')) < 3) await sleep(20);
  const waited = (performance.now() - startedAt) / 1000;
  await sleep(RATE_MS);
  const perSecond = (await countRefreshed('large')) / ((performance.now() - startedAt) / 1000);
  const waitedByDueTime = DUE / perSecond;
  await replica.stop();
  process.stdout.write(`| due of one tenant | claims | three tokens of another refreshed after | a claim of ${LIMIT}, ms |
|---|---|---|---|
| ${DUE} | by due time (at ${perSecond.toFixed(0)} refreshes a second) | ${waitedByDueTime.toFixed(0)} s | ${byDueTime.toFixed(2)} |
| ${DUE} | by tenant in turn | ${waited.toFixed(2)} s | ${inTurn.toFixed(2)} |
| | ratio | 1 : ${(waitedByDueTime / waited).toFixed(0)} | 1 : ${(byDueTime / inTurn).toFixed(2)} |
`);
} finally {
  await coreServices.close();
  await sandbox.close();
  await postgres.stop();
  folder.remove();
}
