// Ten subscribers in one process: `/0` to `/9` accept events, those in `?hang=` never respond, `GET /counts` counts.
import { createServer } from 'node:http';

const counts = new Map();
const lags = [];
let hanging = new Set();
const server = createServer((request, response) => {
  const url = new URL(request.url, 'http://receiver');
  if (request.method === 'GET') {
    if (url.pathname === '/reset') {
      counts.clear();
      lags.length = 0;
      hanging = new Set(url.searchParams.getAll('hang').map((name) => `/${name}`));
    }
    const sorted = lags.toSorted((a, b) => a - b);
    const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? null;
    response.end(JSON.stringify({ counts: Object.fromEntries(counts), p50: at(0.5), p99: at(0.99) }));
    return;
  }
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    if (hanging.has(url.pathname)) return;
    counts.set(url.pathname, (counts.get(url.pathname) ?? 0) + 1);
    lags.push(Date.now() - Date.parse(JSON.parse(Buffer.concat(chunks)).timestamp));
    response.writeHead(204).end();
  });
});
server.listen(0, '127.0.0.1', () =>
  process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${server.address().port}` })}\n`),
);
process.on('SIGTERM', () => process.exit(0));
