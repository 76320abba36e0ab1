// The load, in a process of its own: reads one request as JSON, prints what autocannon measured.
import { text } from 'node:stream/consumers';
import autocannon from 'autocannon';

const request = JSON.parse(await text(process.stdin));
const result = await autocannon(request);
if (result.errors > 0 || result.non2xx > 0) {
  process.stdout.write(
    `${result.errors} errors, ${result.non2xx} answers other than 2xx: ${JSON.stringify(result.statusCodeStats)}`,
  );
  process.exit(1);
}
process.stdout.write(
  JSON.stringify({
    requestsPerSecond: result.requests.average,
    p50: result.latency.p50,
    p99: result.latency.p99,
    bytesPerSecond: result.throughput.average,
  }),
);
