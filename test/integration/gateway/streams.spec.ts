import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { LEASE, startTestGateway, type TestGateway } from '../../support/test-gateway.ts';
import { until } from '../../support/until.ts';

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway.close());
beforeEach(() => {
  gateway.seen.length = 0;
});

const MIB = 1024 * 1024;
const CHUNK = Buffer.alloc(64 * 1024, 'x');

function upload(path = '/graph/1/videos', headers: http.OutgoingHttpHeaders = {}): http.ClientRequest {
  const all = { authorization: `Bearer ${LEASE}`, 'content-type': 'video/mp4', ...headers };
  return http.request(gateway.url + path, { method: 'POST', headers: all });
}

/** Writes until the other side has taken nothing for a while. Returns how many bytes it took. */
async function fill(stream: { write(chunk: Buffer): boolean }, mostBytes: number): Promise<number> {
  let bytes = 0;
  let idle = 0;
  while (bytes < mostBytes && idle < 40) {
    if (stream.write(CHUNK)) idle = 0;
    else {
      idle++;
      await sleep(25);
      if ((stream as unknown as { writableNeedDrain: boolean }).writableNeedDrain === false) idle = 0;
      continue;
    }
    bytes += CHUNK.length;
  }
  return bytes;
}

describe('back-pressure', () => {
  it('reaches the client where Meta takes no more of an upload', async () => {
    gateway.respond((request) => void request.pause(), { unread: true });
    const outgoing = upload('/graph/1/videos', { 'content-length': 200 * MIB });
    outgoing.on('error', () => undefined);
    expect(await fill(outgoing, 200 * MIB)).toBeLessThan(40 * MIB);
    outgoing.destroy();
  });

  it('reaches Meta where the client takes no more of a response', async () => {
    let sent = 0;
    const stalled = new Promise<void>((resolve) => {
      gateway.respond((_request, response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.on('error', () => undefined);
        response.write('["');
        void fill(response, 200 * MIB).then((bytes) => {
          sent = bytes;
          resolve();
        });
      });
    });
    const outgoing = http.get(
      `${gateway.url}/graph/me`,
      { headers: { authorization: `Bearer ${LEASE}` } },
      (response) => {
        response.on('error', () => undefined);
        response.pause();
      },
    );
    outgoing.on('error', () => undefined);
    await stalled;
    expect(sent).toBeLessThan(40 * MIB);
    outgoing.destroy();
  });

  it('lets a large body pass as it came, both ways', async () => {
    const size = 30 * MIB;
    let received = 0;
    gateway.respond(
      (request, response) => {
        request.on('data', (chunk: Buffer) => {
          received += chunk.length;
        });
        request.on('end', () => {
          response.writeHead(200, { 'content-type': 'application/json' });
          response.write('{"a":"');
          for (let at = 0; at < size; at += CHUNK.length) response.write(CHUNK);
          response.end('"}');
        });
      },
      { unread: true },
    );
    const outgoing = upload('/graph/1/videos', { 'content-length': size });
    const responded = new Promise<number>((resolve, reject) => {
      outgoing.on('error', reject);
      outgoing.on('response', async (response) => {
        let length = 0;
        for await (const chunk of response) length += (chunk as Buffer).length;
        resolve(length);
      });
    });
    for (let at = 0; at < size; at += CHUNK.length) {
      if (!outgoing.write(CHUNK)) await new Promise((resolve) => outgoing.once('drain', resolve));
    }
    outgoing.end();
    expect(await responded).toBe(size + 8);
    expect(received).toBe(size);
  });
});

describe('a caller that leaves', () => {
  let own: TestGateway;
  beforeEach(async () => {
    own = await startTestGateway({ limits: { perClient: 1, waitMs: 60_000 } });
  });
  afterEach(() => own.close());

  function call(method: string, path: string, headers: http.OutgoingHttpHeaders = {}): http.ClientRequest {
    const outgoing = http.request(own.url + path, {
      method,
      headers: { authorization: `Bearer ${LEASE}`, ...headers },
    });
    return outgoing.on('error', () => undefined);
  }
  const hang = (): void => own.respond(() => undefined, { unread: true });
  const metrics = async () => (await own.registry.metrics()).split('\n');

  /** The logged status of the first call that ended, its metrics, and warnings. */
  async function recorded() {
    await until(() => own.completed.length > 0);
    const lines = await metrics();
    return {
      status: own.completed[0]?.status,
      calls: lines.filter((line) => line.startsWith('metavault_gateway_calls_total{')),
      refusals: lines.filter((line) => line.startsWith('metavault_gateway_refusals_total{')),
      warnings: own.warnings.map(({ msg }) => msg),
    };
  }
  const noFailure = (status: number, counted: string | null) => ({
    status,
    calls: counted === null ? [] : [`metavault_gateway_calls_total{product="pages",${counted}} 1`],
    refusals: [],
    warnings: [],
  });

  it('before Meta responds is no failure of Meta', async () => {
    hang();
    const outgoing = call('GET', '/graph/me').end();
    await until(() => own.seen.length === 1);
    outgoing.destroy();
    expect(await recorded()).toEqual(noFailure(499, 'route="/me",status="4xx"'));
  });

  it('in the middle of an upload is no failure of Meta', async () => {
    hang();
    const outgoing = call('POST', '/graph/1/videos', { 'content-type': 'video/mp4', 'content-length': 10 * MIB });
    outgoing.write(CHUNK);
    await until(() => own.seen.length === 1);
    outgoing.destroy();
    expect(await recorded()).toEqual(noFailure(499, 'route="/:id/videos",status="4xx"'));
  });

  it('in the middle of a form is no failure of ours', async () => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': 1_000 };
    const outgoing = call('POST', '/graph/me/feed', headers);
    await new Promise<void>((resolve) => outgoing.write('message=', () => resolve()));
    outgoing.destroy();
    expect(await recorded()).toEqual(noFailure(499, null));
    expect(own.seen).toEqual([]);
  });

  it("in the middle of a response is nobody's failure", async () => {
    own.respond((_request, response) => {
      response.on('error', () => undefined);
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write(`["${'x'.repeat(MIB)}`);
    });
    const outgoing = call('GET', '/graph/me').end();
    await new Promise((resolve) => outgoing.once('response', resolve));
    outgoing.destroy();
    expect(await recorded()).toEqual(noFailure(200, 'route="/me",status="2xx"'));
  });

  it('while it waits for its turn is not refused', async () => {
    hang();
    call('GET', '/graph/me').end();
    await until(() => own.seen.length === 1);
    const second = call('GET', '/graph/me').end();
    await until(async () => (await metrics()).includes('metavault_gateway_calls{state="waiting"} 1'));
    second.destroy();
    expect(await recorded()).toEqual(noFailure(499, 'route="/me",status="4xx"'));
  });
});

describe('who goes', () => {
  it('in the middle of an upload takes the call to Meta along', async () => {
    let aborted = false;
    gateway.respond(
      (request) => {
        request.resume();
        request.on('error', () => undefined);
        request.on('close', () => {
          aborted = !request.complete;
        });
      },
      { unread: true },
    );
    const outgoing = upload('/graph/1/videos', { 'content-length': 10 * MIB });
    outgoing.on('error', () => undefined);
    outgoing.write(CHUNK);
    await until(() => gateway.seen.length === 1);
    outgoing.destroy();
    await until(() => aborted);
  });

  it('is Meta, in the middle of an upload: an error in its own shape, and no second try', async () => {
    gateway.respond((request) => void request.once('data', () => request.socket.destroy()), { unread: true });
    const outgoing = upload('/graph/1/videos', { 'content-length': 10 * MIB });
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      outgoing.on('response', resolve);
      outgoing.on('error', reject);
      outgoing.write(CHUNK);
    });
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    expect([response.statusCode, response.headers['retry-after']]).toEqual([502, '1']);
    expect(JSON.parse(Buffer.concat(chunks).toString()).error).toMatchObject({
      code: 2,
      is_transient: true,
      error_data: { code: 'meta_unavailable' },
    });
    outgoing.destroy();
    expect(gateway.seen).toHaveLength(1);
  });

  it('is Meta, responding ahead of the end of an upload: the client gets the response', async () => {
    gateway.respond(
      (request, response) => {
        request.on('error', () => undefined);
        response.writeHead(400, { 'content-type': 'application/json', connection: 'close' });
        response.end('{"error":{"message":"too large","type":"OAuthException","code":100}}');
      },
      { unread: true },
    );
    const outgoing = upload('/graph/1/videos', { 'content-length': 10 * MIB });
    outgoing.on('error', () => undefined);
    const response = await new Promise<http.IncomingMessage>((resolve) => {
      outgoing.on('response', resolve);
      outgoing.write(CHUNK);
    });
    expect([400, 502]).toContain(response.statusCode);
    response.resume();
    outgoing.destroy();
  });
});

describe('a connection that breaks ahead of any response', () => {
  const breaking = (times: number) => {
    let calls = 0;
    gateway.respond((request, response) => {
      if (calls++ < times) return void request.socket.destroy();
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  };
  const send = async (method: string, path: string, body?: string) => {
    const headers = {
      authorization: `Bearer ${LEASE}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    const init = { method, headers, ...(body === undefined ? {} : { body }) };
    return (await fetch(gateway.url + path, init)).status;
  };

  it.each([
    ['GET', '/graph/me', 200, 2],
    ['HEAD', '/graph/me', 200, 2],
    ['GET', '/graph/me?method=post', 502, 1],
    ['GET', '/graph/me?batch=[]', 502, 1],
    ['DELETE', '/graph/1', 502, 1],
    ['POST', '/graph/me/feed', 502, 1],
    ['POST', '/graph/me?method=get', 502, 1],
    ['PUT', '/graph/1', 502, 1],
    ['OPTIONS', '/graph/1', 502, 1],
  ])('is tried again for reads only: %s %s', async (method, path, status, calls) => {
    breaking(1);
    expect([await send(method, path), gateway.seen.length]).toEqual([status, calls]);
  });

  it('is not tried with a body, nor a third time', async () => {
    breaking(1);
    expect([await send('POST', '/graph/me/messages', '{"a":1}'), gateway.seen.length]).toEqual([502, 1]);
    gateway.seen.length = 0;
    breaking(2);
    expect([await send('GET', '/graph/me'), gateway.seen.length]).toEqual([502, 2]);
  });
});

describe('a crowd of one client', () => {
  it('does not keep another client of the app out, and hears when to come again', async () => {
    const small = await startTestGateway({
      limits: { perClient: 3, perApp: 4, waitingPerClient: 5, waitMs: 20_000 },
    });
    const waiting: (() => void)[] = [];
    small.respond((_request, response) => {
      waiting.push(() => response.writeHead(200, { 'content-type': 'application/json' }).end('{}'));
    });
    const [grant] = small.grants.values();
    if (grant === undefined) throw new Error('the gateway has no lease');
    small.grants.set('mtl_other', { ...grant, clientId: 'cli_two', leaseId: 'lse_two' });
    const call = (lease: string) => fetch(`${small.url}/graph/me`, { headers: { authorization: `Bearer ${lease}` } });
    const crowd = Array.from({ length: 10 }, () => call(LEASE));
    await until(() => waiting.length === 3);
    const refused = (await Promise.race(crowd)) as Response;
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
    const other = call('mtl_other');
    await until(() => waiting.length === 4);
    waiting.pop()?.();
    expect((await other).status).toBe(200);
    const letGo = setInterval(() => waiting.shift()?.(), 5);
    const all = await Promise.all(crowd);
    clearInterval(letGo);
    expect(all.map(({ status }) => status).sort()).toEqual([...Array(8).fill(200), 429, 429]);
    await small.close();
  });
});
