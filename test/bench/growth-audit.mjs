import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { Registry } from 'prom-client';
import { SYSTEM } from '../../dist/src/audit/actor.js';
import { AuditLog } from '../../dist/src/audit/audit-log.js';
import { AuditedObjects } from '../../dist/src/audit/audited-objects.js';
import { AuditChain } from '../../dist/src/audit/chain/audit-chain.js';
import { ChainVerifier } from '../../dist/src/audit/chain/chain-verifier.js';
import { IntegrityFailures } from '../../dist/src/database/integrity-failures.js';
import { firstIdAt } from '../../dist/src/platform/ids.js';
import { createLogger } from '../../dist/src/platform/logger.js';

const BATCH = 250;
const TICK_MS = 500;

const ENTRY = {
  action: 'lease.issued',
  actor: SYSTEM,
  tenant: 'tenant-1',
  product: 'pages',
  connectionId: 'con_01kdvq00000000000000000001',
  details: { mode: 'gateway', credential_id: 'crd_01kdvq00000000000000000001', credential_version: 1, asset_id: null },
};

export function openAudit({ database, clock, ids, keyRing }) {
  const log = new AuditLog(clock, ids, keyRing, new IntegrityFailures(createLogger('error'), new Registry()));
  const chain = new AuditChain(database, clock, keyRing);
  const verifier = new ChainVerifier(database, clock, chain, keyRing, new AuditedObjects());
  const write = (count) =>
    log.recordAll(
      database.longRunning,
      Array.from({ length: count }, () => ({ ...ENTRY, subjectId: ids.next('lse') })),
    );
  return { chain, verifier, write, clock };
}

/** Adds linked entries for the past quarter of an hour, at the same rate. Their links precede the first one. */
export async function fillQuarterHour(url, now, perSecond) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  for (let second = 900; second > 0; second--) {
    const prefix = firstIdAt('aud', now.getTime() - second * 1_000);
    await client.query({
      name: 'fill',
      text: `WITH filled AS (INSERT INTO audit_entry (id, at, action, actor_kind, details, mac)
          SELECT $1::text || lpad(n::text, 16, '0'), now(), 'lease.issued', 'system', '{}', '\\x00' FROM generate_series(1, $2::integer) n RETURNING id)
        INSERT INTO audit_link (position, entry_id, mac) SELECT -$3::bigint * $2 - row_number() OVER (), id, '\\x00' FROM filled`,
      values: [prefix, perSecond, second],
    });
  }
  await client.end();
}

/** Writes entries while others are linked. Returns how many, the rate, and how long the chain stood still at most. */
export async function measureLinking({ chain, write }, url, { perSecond, seconds }) {
  const watcher = new pg.Client({ connectionString: url });
  await watcher.connect();
  const written = { count: 0, isDone: false };
  const writing = writeSteadily(write, perSecond, seconds, written);
  const linking = linkSteadily(chain, written);
  const head = async () => Number((await watcher.query('SELECT entries FROM audit_head')).rows[0]?.entries ?? 0);
  let [entries, movedAt, longest] = [await head(), performance.now(), 0];
  while (!written.isDone) {
    await sleep(20);
    const now = await head();
    if (now !== entries) movedAt = performance.now();
    entries = now;
    longest = Math.max(longest, performance.now() - movedAt);
  }
  await Promise.all([writing, linking]);
  await watcher.end();
  return { written: written.count, rate: written.count / seconds, longest };
}

async function writeSteadily(write, perSecond, seconds, written) {
  const startedAt = performance.now();
  while (performance.now() - startedAt < seconds * 1_000) {
    const due = ((performance.now() - startedAt) / 1_000) * perSecond;
    if (written.count < due) {
      await write(BATCH);
      written.count += BATCH;
    } else await sleep(5);
  }
  written.isDone = true;
}

async function linkSteadily(chain, written) {
  while (!written.isDone) {
    const startedAt = performance.now();
    await chain.link({ lookBack: 'turn', wait: false });
    await sleep(Math.max(0, TICK_MS - (performance.now() - startedAt)));
  }
}

/** Microseconds of processor time that a process has taken (Linux counts them in hundredths of a second). */
function processorTime(pid) {
  const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

/** The same of this process, and of Postgres' for its connections. */
async function processorTimes(watcher) {
  const { rows } = await watcher.query("SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'");
  return { own: processorTime(process.pid), ofPostgres: rows.reduce((sum, { pid }) => sum + processorTime(pid), 0) };
}

/** Entries that a verification checks per second, and the processor time of each, in microseconds. */
export async function measureVerification({ chain, verifier, write }, count, url) {
  for (let n = 0; n < count; n += BATCH) await write(BATCH);
  await chain.link({ lookBack: 'late', wait: true });
  const watcher = new pg.Client({ connectionString: url });
  await watcher.connect();
  const before = await processorTimes(watcher);
  const startedAt = performance.now();
  const { valid, entries } = await verifier.verify();
  if (!valid) throw new Error('the record is not valid');
  const perSecond = entries / ((performance.now() - startedAt) / 1_000);
  const after = await processorTimes(watcher);
  await watcher.end();
  const each = (name) => (after[name] - before[name]) / entries;
  return { perSecond, own: each('own'), ofPostgres: each('ofPostgres') };
}
