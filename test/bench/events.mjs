// npm run bench:events: events to ten subscribers, alternately with all responding and with one hanging
// (docs/benchmarks.md). BENCH_EVENTS (2,000) of BENCH_CONNECTIONS_WITH_EVENTS (500) connections; BENCH_EVENT_RATE (50)
// events/s for the lag; BENCH_ROUNDS (3). What the hanging one costs is shown in time, which a busy machine distorts,
// and in pages read.
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../dist/src/database/embedded-postgres.js';
import { SystemRandom } from '../../dist/src/platform/random.js';
import { ADMIN_KEY, benchEnvironment, callApi, startProcess, temporaryDirectory } from './harness.mjs';

const EVENTS = Number(process.env.BENCH_EVENTS ?? 2_000);
const CONNECTIONS = Number(process.env.BENCH_CONNECTIONS_WITH_EVENTS ?? 500);
const RATE = Number(process.env.BENCH_EVENT_RATE ?? 50);
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const LAG_SECONDS = 10;
/** Longer than a request to a subscriber may take, so that nothing of the last round is still under way. */
const SETTLE_MS = 11_000;
const SUBSCRIBERS = 10;
const TIMEOUT_MS = 60_000 + EVENTS * SUBSCRIBERS;

const print = (line) => process.stdout.write(`${line}\n`);
const folder = temporaryDirectory();
const random = new SystemRandom();
const running = [];
const postgres = await startEmbeddedPostgres({
  directory: folder.directory,
  random,
  settings: { shared_preload_libraries: 'pg_stat_statements' },
});
const database = new pg.Client({ connectionString: postgres.url });

async function get(url) {
  return (await fetch(url)).json();
}

let lastEvent = 0;
/** Events of all connections, round robin, written at once, as if they had happened now. */
async function insertEvents(count) {
  await database.query(
    `INSERT INTO event (id, type, tenant, product, connection_id, data, created_at)
      SELECT 'evt_01' || lpad(n::text, 24, '0'), 'connection.refreshed', 'acme', 'pages', 'con_' || n % $3,
        json_build_object('connection_id', 'con_' || n % $3, 'tenant', 'acme', 'product', 'pages', 'status', 'active'), clock_timestamp()
      FROM generate_series($1::int, $2::int) n`,
    [lastEvent + 1, lastEvent + count, CONNECTIONS],
  );
  lastEvent += count;
}

async function untilReceived(receivers, count, look = () => undefined) {
  const startedMs = performance.now();
  for (let done = 0; done < count; ) {
    await sleep(100);
    look();
    const { counts } = await get(`${receivers.url}/counts`);
    done = Object.values(counts).reduce((sum, each) => sum + each, 0);
    if (performance.now() - startedMs > TIMEOUT_MS) throw new Error(`${done} deliveries of ${count} came`);
  }
}

/** Milliseconds that a process has spent on a processor; the kernel counts in hundredths of a second. */
function processorMs(pid) {
  const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

async function measure(name, service, receivers, hanging) {
  await get(`${receivers.url}/reset?${hanging.map((each) => `hang=${each}`).join('&')}`);
  await database.query('TRUNCATE event, delivery, delivery_queue');
  await database.query('SELECT pg_stat_statements_reset()');
  const well = SUBSCRIBERS - hanging.length;
  const startedMs = performance.now();
  const before = processorMs(service.pid);
  const rss = [];
  await insertEvents(EVENTS);
  await untilReceived(receivers, EVENTS * well, () => rss.push(service.rss()));
  const seconds = (performance.now() - startedMs) / 1000;
  const { rows } = await database.query(
    `SELECT sum(calls)::int AS calls, sum(shared_blks_hit + shared_blks_read)::int AS pages FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid WHERE d.datname = current_database()`,
  );
  const perEvent = (processorMs(service.pid) - before) / EVENTS;
  const middle = rss[Math.floor(rss.length / 2)];
  print(
    `${name}: ${Math.round((EVENTS * well) / seconds)} deliveries/s (${Math.round(EVENTS / seconds)} events/s to ${well} subscribers), ` +
      `${(rows[0].calls / (EVENTS * well)).toFixed(2)} statements and ${(rows[0].pages / (EVENTS * well)).toFixed(1)} pages per delivery, ${perEvent.toFixed(2)} ms of processor per event, RSS ${middle} MB half way, ${rss.at(-1)} MB at the end`,
  );
  if (hanging.length > 0) await sleep(SETTLE_MS);
  return { eventsPerSecond: EVENTS / seconds, pages: rows[0].pages, perEvent };
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

/** How long an event takes at a steady rate: from its commit to its receiver. */
async function measureLag(receivers, hanging) {
  await get(`${receivers.url}/reset?${hanging.map((each) => `hang=${each}`).join('&')}`);
  for (let tenth = 0; tenth < LAG_SECONDS * 10; tenth++) {
    const next = sleep(100);
    await insertEvents(Math.max(1, Math.round(RATE / 10)));
    await next;
  }
  await sleep(2_000);
  const { p50, p99 } = await get(`${receivers.url}/counts`);
  print(
    `lag at ${RATE} events/s, ${hanging.length} of ${SUBSCRIBERS} subscribers hanging: p50 ${p50} ms, p99 ${p99} ms`,
  );
}

try {
  const receivers = await startProcess('event-receivers.mjs');
  running.push(receivers);
  const service = await startProcess('service.mjs', benchEnvironment(postgres.url));
  running.push(service);
  await database.connect();
  await database.query('CREATE EXTENSION pg_stat_statements');
  for (let i = 0; i < SUBSCRIBERS; i++) {
    await callApi(service.url, 'POST', '/v1/subscriptions', ADMIN_KEY, {
      url: `${receivers.url}/${i}`,
      events: ['connection.refreshed'],
    });
  }
  print(`${EVENTS} events of ${CONNECTIONS} connections to ${SUBSCRIBERS} subscribers`);
  await get(`${receivers.url}/reset`);
  await insertEvents(200);
  await untilReceived(receivers, 200 * SUBSCRIBERS);
  await measureLag(receivers, []);
  const rounds = [];
  for (let round = 0; round < ROUNDS; round++) {
    const allWell = await measure('all well', service, receivers, []);
    const oneHanging = await measure('one hanging', service, receivers, [0]);
    rounds.push({
      speed: oneHanging.eventsPerSecond / allWell.eventsPerSecond,
      pages: oneHanging.pages / allWell.pages,
      processor: oneHanging.perEvent / allWell.perEvent,
    });
  }
  await measureLag(receivers, [0]);
  const percent = (of) => `${(median(rounds.map(of)) * 100).toFixed(1)} %`;
  print(
    `with one hanging, against all well (medians of ${ROUNDS}): ${percent(({ speed }) => speed)} of the events/s for each of the others, ` +
      `${percent(({ processor }) => processor)} of the service's processor time and ${percent(({ pages }) => pages)} of Postgres' pages for an event`,
  );
} finally {
  await database.end().catch(() => undefined);
  for (const each of running.reverse()) await each.stop();
  await postgres.stop();
  folder.remove();
}
