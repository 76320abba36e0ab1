// npm run bench:webhooks: Meta's webhooks in, sealed, and out to one subscriber. See docs/benchmarks.md.
// BENCH_WEBHOOKS (2,000) webhooks of one entry with BENCH_ENTRY_BYTES (1,024) of text each, over BENCH_CONNECTIONS (16)
// senders; BENCH_ROUNDS (3).
import { createHmac } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { startEmbeddedPostgres } from '../../dist/src/database/embedded-postgres.js';
import { SystemRandom } from '../../dist/src/platform/random.js';
import { ADMIN_KEY, benchEnvironment, callApi, startProcess, temporaryDirectory } from './harness.mjs';

const WEBHOOKS = Number(process.env.BENCH_WEBHOOKS ?? 2_000);
const TEXT = 'x'.repeat(Number(process.env.BENCH_ENTRY_BYTES ?? 1_024));
const SENDERS = Number(process.env.BENCH_CONNECTIONS ?? 16);
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const TIMEOUT_MS = 300_000;

const print = (line) => process.stdout.write(`${line}\n`);
const folder = temporaryDirectory();
const running = [];
const postgres = await startEmbeddedPostgres({ directory: folder.directory, random: new SystemRandom() });

let lastTime = 0;
async function sendOne(url, secret) {
  const entry = { id: '0', time: ++lastTime, messaging: [{ message: { text: TEXT } }] };
  const body = JSON.stringify({ object: 'page', entry: [entry] });
  const signature = createHmac('sha256', secret).update(body).digest('hex');
  const headers = { 'content-type': 'application/json', 'x-hub-signature-256': `sha256=${signature}` };
  const response = await fetch(`${url}/webhooks/meta`, { method: 'POST', headers, body });
  await response.arrayBuffer();
  if (response.status !== 200) throw new Error(`a webhook was answered with ${response.status}`);
}

async function sendAll(url, secret, count) {
  let left = count;
  const sender = async () => {
    while (left-- > 0) await sendOne(url, secret);
  };
  await Promise.all(Array.from({ length: SENDERS }, sender));
}

async function untilReceived(receivers, count) {
  const startedMs = performance.now();
  for (let received = 0; received < count; await sleep(50)) {
    const { counts } = await (await fetch(`${receivers.url}/counts`)).json();
    received = Object.values(counts).reduce((sum, each) => sum + each, 0);
    if (performance.now() - startedMs > TIMEOUT_MS) throw new Error(`${received} deliveries of ${count} came`);
  }
}

async function measure(service, receivers, secret, name) {
  await (await fetch(`${receivers.url}/reset`)).arrayBuffer();
  const [startedMs, cpu] = [performance.now(), service.cpu()];
  await sendAll(service.url, secret, WEBHOOKS);
  const ingested = performance.now();
  await untilReceived(receivers, WEBHOOKS);
  const perSecond = (ms) => Math.round((WEBHOOKS / ms) * 1000);
  const [inMs, allMs] = [ingested - startedMs, performance.now() - startedMs];
  const perEvent = ((service.cpu() - cpu) / WEBHOOKS / 1000).toFixed(2);
  print(
    `${name}: ${perSecond(inMs)} webhooks/s in, ${perSecond(allMs)}/s in and out, ${perEvent} ms of processor per event`,
  );
}

try {
  const receivers = await startProcess('event-receivers.mjs');
  running.push(receivers);
  const environment = benchEnvironment(postgres.url);
  const service = await startProcess('service.mjs', environment);
  running.push(service);
  const subscription = { url: `${receivers.url}/0`, events: ['meta.webhook'] };
  await callApi(service.url, 'POST', '/v1/subscriptions', ADMIN_KEY, subscription);
  const secret = environment.META_APP_SECRET;
  await sendAll(service.url, secret, 200);
  await untilReceived(receivers, 200);
  for (let round = 1; round <= ROUNDS; round++) await measure(service, receivers, secret, `round ${round}`);
} finally {
  for (const each of running.reverse()) await each.stop();
  await postgres.stop();
  folder.remove();
}
