// The load, in a process of its own: reads one request as JSON, prints what autocannon measured.
import { text } from 'node:stream/consumers';
import autocannon from 'autocannon';

const { multipart, ...request } = JSON.parse(await text(process.stdin));
// A form with one field and one file, made here because a pipe is too slow for that many bytes.
if (multipart !== undefined) {
  const part = (disposition) => `--${multipart.boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n\r\n`;
  request.body = Buffer.concat([
    Buffer.from(`${part('name="caption"')}bench\r\n${part('name="source"; filename="a.bin"')}`),
    Buffer.alloc(multipart.bytes, 'file '),
    Buffer.from(`\r\n--${multipart.boundary}--\r\n`),
  ]);
}
const result = await autocannon(request);
if (result.errors > 0 || result.non2xx > 0) {
  process.stdout.write(
    `${result.errors} errors, ${result.non2xx} answers other than 2xx: ${JSON.stringify(result.statusCodeStats)}`,
  );
  process.exit(1);
}
process.stdout.write(
  JSON.stringify({
    requests: result.requests.total,
    requestsPerSecond: result.requests.average,
    p50: result.latency.p50,
    p99: result.latency.p99,
    bytesPerSecond: result.throughput.average,
  }),
);
