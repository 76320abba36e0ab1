// The other yardstick: a streaming proxy on undici that does nothing but set a header.
import http from 'node:http';
import { Agent } from 'undici';

const agent = new Agent({ connections: 64, pipelining: 1 });
const server = http.createServer((request, response) => {
  agent.stream(
    {
      origin: process.env.UPSTREAM,
      path: request.url,
      method: request.method,
      headers: { authorization: 'Bearer EAAbench' },
      body: request.method === 'GET' ? null : request,
    },
    ({ statusCode, headers }) => {
      const { connection: _, 'transfer-encoding': __, 'keep-alive': ___, ...rest } = headers;
      response.writeHead(statusCode, rest);
      return response;
    },
    (error) => {
      if (error) response.destroy();
    },
  );
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${server.address().port}` })}\n`);
});
process.on('SIGTERM', () => process.exit(0));
