// The least that Meta could do: answers every call with one small JSON object in Meta's shape.
import http from 'node:http';

const body = '{"id":"100000000000001","name":"Bench User"}';
const server = http.createServer((request, response) => {
  request.resume();
  response.writeHead(200, {
    'content-type': 'application/json; charset=UTF-8',
    'facebook-api-version': 'v26.0',
    'x-app-usage': '{"call_count":1,"total_cputime":1,"total_time":1}',
    'content-length': body.length,
  });
  response.end(body);
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${server.address().port}` })}\n`);
});
process.on('SIGTERM', () => process.exit(0));
