// A minimal Meta for the gateway's benchmark: a small object, a megabyte of JSON with paging links, and uploads.
import http from 'node:http';

const TOKEN = process.env.BENCH_TOKEN;
const small = Buffer.from('{"id":"100000000000001","name":"Bench User"}');
let base = '';

/** 1 MiB of JSON in Meta's spelling, with 200 paging links that hold the token. */
function large() {
  const filler =
    '"message":"Lorem ipsum dolor sit amet, consetetur \\u00e9\\u00e8 sadipscing elitr, sed diam nonumy eirmod tempor."';
  const link =
    `${base}/v26.0/100000000000001/feed?access_token=${TOKEN}&limit=25&fields=id%2Cname&after=QVFIUmx`.replaceAll(
      '/',
      '\\/',
    );
  const items = Array.from({ length: 200 }, (_, id) => {
    const posts = Array.from({ length: 38 }, (_, post) => `{"id":"1000000${id}_${post}",${filler}}`).join(',');
    return `{"id":"${id}","feed":{"data":[${posts}],"paging":{"next":"${link}"}}}`;
  });
  return Buffer.from(`{"data":[${items.join(',')}]}`);
}

let largeBody = null;
const server = http.createServer((request, response) => {
  const headers = { 'content-type': 'application/json; charset=UTF-8', 'facebook-api-version': 'v26.0' };
  if (request.url.includes('/large')) {
    largeBody ??= large();
    response.writeHead(200, { ...headers, 'content-length': largeBody.length }).end(largeBody);
    return;
  }
  request.resume();
  request.on('end', () => {
    response.writeHead(200, {
      ...headers,
      'x-app-usage': '{"call_count":1,"total_cputime":1,"total_time":1}',
      'content-length': small.length,
    });
    response.end(small);
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => {
  base = `http://127.0.0.1:${server.address().port}`;
  process.stdout.write(`${JSON.stringify({ url: base })}\n`);
});
process.on('SIGTERM', () => process.exit(0));
