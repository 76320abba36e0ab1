import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from '@jest/globals';
import request from 'supertest';
import { createHttpServer } from '../../../../src/platform/http-server/http-server.ts';
import type { CompletedRequest, RawHttpHandler } from '../../../../src/platform/http-server/raw-http-handler.ts';
import { Ids } from '../../../../src/platform/ids.ts';
import { createLogger } from '../../../../src/platform/logger.ts';
import { SystemRandom } from '../../../../src/platform/random.ts';

const handler: RawHttpHandler = {
  routeOf: (target) => (target.startsWith('/raw') ? '/raw/*' : null),
  handle: async (_, response, source) => {
    response.writeHead(200, [...source.headers]).end(`${source.address} ${source.requestId}`);
    return { clientId: 'cli_1', tenant: 'acme' };
  },
  refuseSlowBody: (_, response) => void response.writeHead(408).end(),
};

let close = async (): Promise<void> => undefined;
afterEach(() => close());

async function startServer(trustedProxies: string[] = []) {
  const clock = { now: () => new Date(0) };
  const server = createHttpServer(createLogger('fatal'), new Ids(clock as never, new SystemRandom()), trustedProxies);
  const completed: CompletedRequest[] = [];
  server.useRawHandler(handler, (each) => completed.push(each));
  const fastify = server.adapter.getInstance();
  fastify.get('/rest', async () => 'rest');
  await fastify.listen({ host: '127.0.0.1', port: 0 });
  close = async () => void (await fastify.close());
  return { server, completed, url: `http://127.0.0.1:${(fastify.server.address() as AddressInfo).port}` };
}

it('handles its own requests and leaves the rest to the routes', async () => {
  const { url, completed } = await startServer();
  expect((await request(url).get('/rest')).text).toBe('rest');
  const { text, headers } = await request(url).post('/raw/a?b=c').set('X-Request-Id', 'edge-1');
  expect(text).toBe('127.0.0.1 edge-1');
  expect(headers).toMatchObject({
    'x-request-id': 'edge-1',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  expect(completed).toMatchObject([
    { method: 'POST', route: '/raw/*', status: 200, requestId: 'edge-1', clientId: 'cli_1', tenant: 'acme' },
  ]);
});

it('creates a request id if none or a bad one is given', async () => {
  const { url } = await startServer();
  expect((await request(url).get('/raw')).headers['x-request-id']).toMatch(/^req_/);
  expect((await request(url).get('/raw').set('X-Request-Id', 'a b')).headers['x-request-id']).toMatch(/^req_/);
});

it('trusts X-Forwarded-For of trusted proxies only', async () => {
  const plain = await startServer();
  const forwarded = { 'X-Forwarded-For': '203.0.113.7' };
  expect((await request(plain.url).get('/raw').set(forwarded)).text).toMatch(/^127\.0\.0\.1 /);
  await close();
  const behind = await startServer(['127.0.0.0/8']);
  expect((await request(behind.url).get('/raw').set(forwarded)).text).toMatch(/^203\.0\.113\.7 /);
});

it('asks to close the connection while the server drains', async () => {
  const { url, server } = await startServer();
  const agent = new http.Agent({ keepAlive: true });
  const ask = () => request(url).get('/raw').agent(agent);
  expect((await ask()).headers['connection']).toBe('keep-alive');
  server.beginDraining();
  expect((await ask()).headers['connection']).toBe('close');
  agent.destroy();
});
