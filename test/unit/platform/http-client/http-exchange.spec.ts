import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Cancellation } from '../../../../src/platform/cancellation.ts';
import {
  type ExchangeRequest,
  HttpRequestError,
  UndiciHttpClient,
} from '../../../../src/platform/http-client/http-client.ts';

async function* endless(): AsyncGenerator<Buffer> {
  yield Buffer.from('begun');
  await new Promise(() => undefined);
}

type Handler = (request: http.IncomingMessage, response: http.ServerResponse) => void;

describe('an exchange', () => {
  let respond: Handler;
  let base: string;
  const client = new UndiciHttpClient({ bodyTimeoutMs: 500 });
  const server = http.createServer({ keepAliveTimeout: 60_000 }, (request, response) => respond(request, response));
  beforeAll(async () => {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  beforeEach(() => {
    respond = (_request, response) => response.writeHead(200, { 'content-length': 5 }).end('short');
  });
  afterAll(async () => {
    await client.close();
    server.closeAllConnections();
    server.close();
  });

  const exchange = (changes: Partial<ExchangeRequest> = {}) =>
    client.exchange({ method: 'GET', url: `${base}/`, timeoutMs: 5_000, maxBufferedBytes: 10, ...changes });
  const failureOf = (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => 'none',
      (error: unknown) => (error instanceof HttpRequestError ? error.reason : String(error)),
    );

  it('returns a response of declared short length in memory', async () => {
    expect(await exchange()).toMatchObject({ status: 200, body: Buffer.from('short') });
    respond = (_request, response) => {
      response.writeHead(201, { 'content-length': 6 });
      response.write('abc', () => response.end('def'));
    };
    expect(await exchange({ method: 'POST', body: Buffer.from('x') })).toMatchObject({
      status: 201,
      headers: { 'content-length': '6' },
      body: Buffer.from('abcdef'),
    });
  });

  it('returns responses without a body in memory', async () => {
    expect(await exchange({ method: 'HEAD' })).toMatchObject({ status: 200, body: Buffer.alloc(0) });
    for (const status of [204, 304]) {
      respond = (_request, response) => response.writeHead(status).end();
      expect(await exchange()).toMatchObject({ status, body: Buffer.alloc(0) });
    }
  });

  it('returns a stream if the response is long or of unknown length', async () => {
    const long = Buffer.alloc(3_000_000, 'long ');
    for (const headers of [{}, { 'content-length': long.length }]) {
      respond = (_request, response) => response.writeHead(200, headers).end(long);
      const { body } = await exchange();
      expect(body).toBeInstanceOf(Readable);
      expect(long.equals(await buffer(body as Readable))).toBe(true);
    }
  });

  it('sends the same address that URL would produce', async () => {
    respond = (request, response) => {
      const { url = '', headers } = request;
      response.writeHead(200, { 'content-length': url.length, 'x-host': headers.host }).end(url);
    };
    const host = base.slice('http://'.length);
    const paths = [
      '',
      '/',
      '/a/b?c=d&e=%20|x',
      '/a/../b',
      '/a/./b',
      '/a/%2e%2e/b',
      '/.a',
      '/a.b',
      '/ä?ö',
      '/a"b?{"}',
      '//a',
      '/a?x#y',
    ];
    for (const path of paths) {
      const { pathname, search } = new URL(base + path);
      const { body, headers } = await exchange({ url: base + path, maxBufferedBytes: 100 });
      expect(String(body)).toBe(pathname + search);
      expect(headers['x-host']).toBe(host);
    }
  });

  it('fails if the response ends early or never arrives', async () => {
    respond = (request) => request.socket.destroy();
    expect(await failureOf(exchange())).toBe('reset');
    respond = (_request, response) => {
      response.writeHead(200, { 'content-length': 5 });
      response.write('sho', () => response.destroy());
    };
    expect(await failureOf(exchange())).toBe('reset');
    respond = (_request, response) => {
      response.writeHead(200, { 'content-length': 50 });
      response.write('long', () => response.destroy());
    };
    await expect(buffer((await exchange()).body as Readable)).rejects.toThrow();
    respond = (_request, response) => void response.writeHead(200, { 'content-length': 5 }).write('sho');
    expect(await failureOf(exchange())).toBe('timeout');
    expect(await failureOf(exchange({ url: 'http://127.0.0.1:1/' }))).toBe('connect');
  });

  it.each([null, Buffer.from('whole'), 'stream'])('is aborted by its cancellation while sending %s', async (kind) => {
    const body = kind === 'stream' ? Readable.from(endless()) : (kind as Buffer | null);
    const cancellation = new Cancellation();
    const gone = new Promise((resolve) => {
      respond = (request, response) => {
        response.on('close', () => resolve(request.url));
        cancellation.cancel();
      };
    });
    // undici reports either for a body that is cut off.
    expect(['aborted', kind === 'stream' ? 'reset' : '']).toContain(
      await failureOf(exchange({ method: 'POST', body, cancellation })),
    );
    await gone;
    // Canceling too early counts as well.
    expect(await failureOf(exchange({ cancellation }))).toBe('aborted');
  });

  it('is aborted when the reader abandons the stream', async () => {
    const cancellation = new Cancellation();
    for (const stop of [(body: Readable) => body.destroy(), () => cancellation.cancel()]) {
      const gone = new Promise((resolve) => {
        respond = (_request, response) => {
          response.on('close', resolve).writeHead(200);
          response.write(Buffer.alloc(100_000));
        };
      });
      const body = (await exchange({ cancellation })).body as Readable;
      body.on('error', () => undefined);
      stop(body);
      await gone;
    }
  });

  it('applies backpressure while nobody reads', async () => {
    let written = 0;
    respond = (_request, response) => {
      const more = (): void => {
        if (written > 50_000_000) return;
        written += 65_536;
        response.write(Buffer.alloc(65_536), more);
      };
      more();
    };
    const { body } = await exchange();
    let before = -1;
    while (before !== written) {
      before = written;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    expect(written).toBeLessThan(20_000_000);
    (body as Readable).on('error', () => undefined).destroy();
  });
});
