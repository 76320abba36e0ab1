// How long a start takes on an existing database, and which phases: `npm run bench:start`. BENCH_ROUNDS: how often (5).
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import { startEmbeddedPostgres } from '../../dist/src/database/embedded-postgres.js';
import { SystemRandom } from '../../dist/src/platform/random.js';
import { benchEnvironment, temporaryDirectory } from './harness.mjs';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const BUNDLE = path.resolve(import.meta.dirname, '../../dist/bundle/main.js');

const { directory, remove } = temporaryDirectory();
const postgres = await startEmbeddedPostgres({ directory, random: new SystemRandom() });
try {
  // The first start migrates, and does not count.
  await start();
  const starts = [];
  for (let round = 0; round < ROUNDS; round++) starts.push(await start());
  const phases = Object.keys(starts[0].phases);
  for (const name of phases) print(name, (each) => each.phases[name]);
  print('ready, by its log', (each) => each.startMs);
  print('ready, by /health/ready', (each) => each.readyMs);
  print('processor time', (each) => each.cpuMs);

  function print(name, measure) {
    const values = starts.map(measure);
    process.stdout.write(
      `${name.padEnd(24)}${String(values.toSorted((a, b) => a - b)[ROUNDS >> 1]).padStart(6)} ms   ${values.join(' ')}\n`,
    );
  }
} finally {
  await postgres.stop();
  remove();
}

/** Starts a replica, waits until it is ready, ends it. */
async function start() {
  const begun = performance.now();
  const child = spawn(process.execPath, [BUNDLE], {
    env: { PATH: process.env.PATH, ...benchEnvironment(postgres.url), LOG_LEVEL: 'info', SHUTDOWN_DELAY_SECONDS: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  for await (const line of readline.createInterface({ input: child.stdout })) {
    const { msg, address, start_ms: startMs, phases_ms: phases } = JSON.parse(line);
    if (msg !== 'ready') continue;
    const { status } = await fetch(`${address}/health/ready`);
    if (status !== 200) throw new Error(`/health/ready answered ${status}`);
    const measured = { phases, startMs, readyMs: Math.round(performance.now() - begun), cpuMs: readCpuMs(child.pid) };
    child.kill('SIGTERM');
    await ended;
    return measured;
  }
  throw new Error('the replica ended before it was ready');
}

/** Processor time of all its threads so far, in milliseconds. Linux counts it in hundredths of a second. */
function readCpuMs(pid) {
  const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
  const [user, system] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13);
  return (Number(user) + Number(system)) * 10;
}
