import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { FastifyRequest } from 'fastify';
import request from 'supertest';
import { createHttpServer } from '../../../../src/platform/http-server/http-server.ts';
import type { HttpServerLimits } from '../../../../src/platform/http-server/http-server-limits.ts';
import { sendProblem } from '../../../../src/platform/http-server/problem.filter.ts';
import type { RawHttpHandler } from '../../../../src/platform/http-server/raw-http-handler.ts';
import { readRawBody } from '../../../../src/platform/http-server/request-body.ts';
import { Ids } from '../../../../src/platform/ids.ts';
import { createLogger } from '../../../../src/platform/logger.ts';
import { AppError, serviceUnavailable } from '../../../../src/platform/problem.ts';
import { SystemRandom } from '../../../../src/platform/random.ts';
import { connectRaw, type RawConnection } from '../../../support/raw-connection.ts';
import { until } from '../../../support/until.ts';

const KIB = 1024;
/** 1 KiB in 300 ms instead of the real 160 KiB in 10 s. */
const SCALED: Partial<HttpServerLimits> = {
  headersTimeoutMs: 300,
  bodyWindowMs: 300,
  minBodyBytesPerSecond: 3_400,
  unauthenticatedBodyMs: 60_000,
  checkIntervalMs: 50,
};

const open: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (let close = open.pop(); close !== undefined; close = open.pop()) await close();
});

/** Raw handler: reads a whole body after `isKnown`; under /raw/unread it reads nothing until told to. */
function createHandler(): RawHttpHandler & { read(): void } {
  let allow = (): void => undefined;
  const allowed = new Promise<void>((resolve) => {
    allow = resolve;
  });
  return {
    read: allow,
    routeOf: (target) => (target.startsWith('/raw') ? '/raw/*' : null),
    handle: async (incoming, response, source) => {
      if (incoming.url !== '/raw/unknown') source.bodyLimits.authenticated();
      if (incoming.url === '/raw/unread') await allowed;
      let size = 0;
      try {
        for await (const chunk of incoming) size += (chunk as Buffer).length;
        response.writeHead(200, [...source.headers, 'connection', 'close']).end(String(size));
      } catch {
        // Rejected in the meantime.
      }
      return undefined;
    },
    refuseSlowBody: (_, response) => void response.writeHead(408, { connection: 'close' }).end('in its own form'),
  };
}

const countFields = async ({ body }: FastifyRequest) => ({ fields: Object.keys(body as object).length });

async function startServer(limits: Partial<HttpServerLimits> = {}) {
  const clock = { now: () => new Date(0) };
  const ids = new Ids(clock as never, new SystemRandom());
  const server = createHttpServer(createLogger('fatal'), ids, [], { ...SCALED, ...limits });
  const handler = createHandler();
  server.useRawHandler(handler, () => undefined);
  const asked: string[] = [];
  server.useBodyAuthentication(async ({ headers }) => {
    asked.push(String(headers.authorization));
    if (headers.authorization !== 'Bearer good') throw new AppError(serviceUnavailable);
  });
  const fastify = server.adapter.getInstance();
  fastify.post('/public', countFields);
  fastify.post('/v1/things', countFields);
  let keptBytes = 0;
  fastify.post('/signed', { config: { body: 'raw' } } as never, async (incoming: { body: unknown }) => {
    let seen = 0;
    const bytes = await readRawBody(incoming, (chunk) => {
      seen += chunk.length;
      keptBytes += chunk.length;
    });
    return { seen, bytes: bytes.length };
  });
  fastify.setErrorHandler((error, incoming, reply) => sendProblem(error, incoming, reply, createLogger('fatal')));
  await fastify.listen({ host: '127.0.0.1', port: 0 });
  open.push(async () => {
    fastify.server.closeAllConnections();
    await fastify.close();
  });
  const { port } = fastify.server.address() as AddressInfo;
  const connect = async (): Promise<RawConnection> => {
    const connection = await connectRaw(port);
    open.push(() => connection.close());
    return connection;
  };
  /** Of all bodies sent to /signed so far. */
  const kept = (): number => keptBytes;
  return { connect, handler, asked, kept, url: `http://127.0.0.1:${port}` };
}

const head = (path: string, length: number | null, more = ''): string =>
  `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n${more}${
    length === null ? 'transfer-encoding: chunked' : `content-length: ${length}`
  }\r\n\r\n`;

describe('headers', () => {
  it('are rejected and the connection closed if they never end', async () => {
    const { connect } = await startServer();
    const half = await connect();
    half.write('GET / HTTP/1.1\r\nhost: a\r\n');
    const slow = await connect();
    slow.write('GET / HTTP/1.1\r\n');
    slow.trickle('x: y\r\n', 40);
    const silent = await connect();
    for (const refusal of await Promise.all([half.ended(), slow.ended(), silent.ended()])) {
      expect(refusal).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/);
      expect(JSON.parse(refusal.split('\r\n\r\n')[1] ?? '')).toMatchObject({ status: 408, code: 'request_timeout' });
    }
  });

  it('may keep the server waiting between two requests of a connection', async () => {
    const { connect } = await startServer();
    const connection = await connect();
    connection.write(`${head('/public', 2)}{}`);
    expect(await connection.response()).toMatch(/^HTTP\/1\.1 200 /);
    // Only waiting out the limit, on the server's own timers, shows that it did not apply.
    await new Promise((resolve) => setTimeout(resolve, 3 * 300));
    connection.write(`${head('/public', 2, 'connection: close\r\n')}{}`);
    expect((await connection.ended()).match(/HTTP\/1\.1 200 /g)).toHaveLength(2);
  });
});

describe('a body', () => {
  it.each(['/public', '/v1/things', '/signed', '/nowhere'])('that stalls at %s is rejected', async (path) => {
    const { connect } = await startServer();
    const connection = await connect();
    connection.write(`${head(path, 100 * KIB)}${' '.repeat(10)}`);
    const refusal = await connection.ended();
    expect(refusal).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/);
    expect(refusal).toMatch(/\r\nx-request-id: req_/);
    expect(refusal).toMatch(/\r\nconnection: close\r\n/);
    expect(refusal).toContain('"code":"request_timeout"');
  });

  it("that trickles in is rejected in its reader's format", async () => {
    const { connect } = await startServer();
    const connections = await Promise.all([connect(), connect()]);
    for (const [index, connection] of connections.entries()) {
      connection.write(head(index === 0 ? '/raw/known' : '/public', null));
      connection.trickle('1\r\n \r\n', 40);
    }
    const [raw, routed] = await Promise.all(connections.map((connection) => connection.ended()));
    expect(raw).toMatch(/^HTTP\/1\.1 408 [\s\S]*in its own form/);
    expect(routed).toMatch(/^HTTP\/1\.1 408 [\s\S]*request_timeout/);
  });

  it('may take any time if it progresses and its caller is known, but not otherwise', async () => {
    const { connect } = await startServer({ unauthenticatedBodyMs: 400, bodyWindowMs: 60_000 });
    const [known, unknown] = await Promise.all([connect(), connect()]);
    known.write(head('/raw/known', 20 * KIB));
    unknown.write(head('/raw/unknown', 100 * KIB));
    for (const connection of [known, unknown]) connection.trickle(Buffer.alloc(KIB), 40);
    expect(await known.ended()).toMatch(/^HTTP\/1\.1 200 [\s\S]*20480/);
    expect(await unknown.ended()).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('that waits for us is not blamed on the caller', async () => {
    const { connect, handler } = await startServer();
    const connection = await connect();
    connection.write(head('/raw/unread', 200 * KIB));
    connection.write(Buffer.alloc(200 * KIB));
    // Only waiting out the limit, on the server's own timers, shows that it did not apply.
    await new Promise((resolve) => setTimeout(resolve, 4 * 300));
    handler.read();
    expect(await connection.ended()).toMatch(/^HTTP\/1\.1 200 [\s\S]*204800/);
  });
});

describe('the memory for bodies of unknown callers', () => {
  const size = 400 * KIB;
  /** Sends a body without its last byte, and waits until the rest is held: a body still arriving could be refused. */
  const holding = async ({ connect, kept }: Awaited<ReturnType<typeof startServer>>): Promise<RawConnection> => {
    const before = kept();
    const connection = await connect();
    connection.write(head('/signed', size));
    connection.write(Buffer.alloc(size - 1, ' '));
    await until(() => kept() === before + size - 1);
    return connection;
  };
  const patient = { bodyWindowMs: 60_000, unauthenticatedBodyBytes: 1024 * KIB };

  it('is shared: above the limit requests get 503, and finished ones release their part', async () => {
    const server = await startServer(patient);
    const held = [await holding(server), await holding(server)];
    const post = () => request(server.url).post('/signed').set('content-type', 'text/plain').send(' '.repeat(size));
    const refused = await post();
    expect([refused.status, refused.body.code]).toEqual([503, 'server_busy']);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    held[0]?.close();
    await until(async () => (await post()).status === 200);
    held[1]?.write(' ');
    expect(await held[1]?.response()).toContain(`"seen":${size}`);
    await until(async () => (await post()).status === 200);
  });

  it('accounts for many small chunks', async () => {
    const { connect } = await startServer({ ...patient, unauthenticatedBodyBytes: 20 * KIB });
    const connection = await connect();
    connection.write(head('/signed', null));
    connection.trickle('1\r\n \r\n', 1);
    expect(await connection.response()).toMatch(/^HTTP\/1\.1 503 /);
  });

  it('is not needed for small bodies of API requests', async () => {
    const server = await startServer({ ...patient, unauthenticatedBodyBytes: size + 8 * KIB });
    const held = await holding(server);
    const ask = (path: string) =>
      request(server.url)
        .post(path)
        .send({ a: 'b'.repeat(12 * KIB) });
    expect((await ask('/public')).status).toBe(503);
    expect((await ask('/v1/things')).body).toEqual({ fields: 1 });
    held.close();
  });
});

it('reads larger bodies of API requests from known callers only', async () => {
  const { url, asked } = await startServer({ unauthenticatedBodyBytes: 4 * KIB });
  const large = { a: 'b'.repeat(500 * KIB) };
  const post = (key: string) => request(url).post('/v1/things').set('authorization', `Bearer ${key}`).send(large);
  expect((await post('bad')).status).toBe(503);
  expect((await post('good')).body).toEqual({ fields: 1 });
  expect(asked).toEqual(['Bearer bad', 'Bearer good']);
});
