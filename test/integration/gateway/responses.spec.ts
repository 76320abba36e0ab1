import nodeHttp from 'node:http';
import zlib from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { LEASE, META_TOKEN, startTestGateway, type TestGateway } from '../../support/test-gateway.ts';

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway.close());
beforeEach(() => {
  gateway.seen.length = 0;
  gateway.reported.length = 0;
  gateway.observed.length = 0;
  gateway.issued.clear();
});

const call = (path = '/graph/me/accounts') => request(gateway.url).get(path).set('Authorization', `Bearer ${LEASE}`);

describe('what comes back', () => {
  it('has links to the gateway with the lease in place, and leases for tokens that we hold', async () => {
    const page = `EAAP${'a1b2'.repeat(40)}`;
    gateway.issued.set(page, 'mtl_page');
    const body = {
      data: [
        { access_token: page, id: '1', name: 'Held' },
        { access_token: `EAAQ${'c3d4'.repeat(40)}`, id: '2', name: 'Not held' },
      ],
      paging: { next: `${gateway.metaUrl}/graph.facebook.com/v26.0/7/accounts?access_token=${META_TOKEN}&after=x` },
    };
    gateway.json(200, body);
    const response = await call();
    expect(response.text).not.toContain('EAA');
    expect(response.body.data).toEqual([
      { access_token: 'mtl_page', id: '1', name: 'Held' },
      { id: '2', name: 'Not held' },
    ]);
    expect(response.body.paging.next).toBe(
      `${gateway.config.publicUrl}/graph/v26.0/7/accounts?access_token=${LEASE}&after=x`,
    );
    expect(Number(response.headers['content-length'])).toBe(Buffer.byteLength(response.text));
  });

  it('has only the headers that may pass, without tokens', async () => {
    gateway.json(
      200,
      {},
      {
        ETag: '"abc"',
        'x-app-usage': '{"call_count":28,"total_cputime":25,"total_time":25}',
        'x-fb-trace-id': 'F5Wf',
        'facebook-api-version': 'v26.0',
        'set-cookie': 'a=b',
        'x-secret': META_TOKEN,
        'x-fb-rev': `r-${META_TOKEN}`,
        'cache-control': 'public',
      },
    );
    const { headers } = await call();
    expect(headers).toMatchObject({
      etag: '"abc"',
      'x-fb-trace-id': 'F5Wf',
      'facebook-api-version': 'v26.0',
      'cache-control': 'no-store',
      'x-fb-rev': `r-${LEASE}`,
    });
    expect(headers['set-cookie']).toBeUndefined();
    expect(JSON.stringify(headers)).not.toContain(META_TOKEN);
    expect(gateway.observed[0]?.usage.appUsagePercent).toBe(28);
  });

  it.each([
    ['gzip', zlib.gzipSync],
    ['br', zlib.brotliCompressSync],
    ['deflate', zlib.deflateSync],
  ])('is plain where Meta compressed it: %s', async (coding, compress) => {
    const text = JSON.stringify({ message: `about ${META_TOKEN}`, filler: 'x'.repeat(200_000) });
    gateway.respond((_request, response) =>
      response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': coding }).end(compress(text)),
    );
    const response = await call();
    expect(response.headers['content-encoding']).toBeUndefined();
    expect(response.body.message).toBe(`about ${LEASE}`);
    expect(response.body.filler).toHaveLength(200_000);
    expect(gateway.seen[0]?.headers['accept-encoding']).toBe('gzip, deflate');
  });

  it('is refused in a coding that cannot be looked into', async () => {
    gateway.json(200, { a: META_TOKEN }, { 'content-encoding': 'zstd' });
    const response = await call();
    expect(response.status).toBe(502);
    expect(response.body.error.error_data).toEqual({ code: 'answer_refused' });
  });

  it('streams, token by token, over borders of pieces', async () => {
    gateway.respond((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const text = JSON.stringify({ data: Array.from({ length: 50 }, (_, id) => ({ id, token: META_TOKEN })) });
      let at = 0;
      const next = (): void => {
        if (at >= text.length) return void response.end();
        response.write(text.slice(at, at + 97));
        at += 97;
        setImmediate(next);
      };
      next();
    });
    const response = await call();
    expect(response.text).not.toContain(META_TOKEN.slice(0, 20));
    expect(response.body.data).toHaveLength(50);
    expect(response.body.data[49]).toEqual({ id: 49, token: LEASE });
  });

  it('passes bytes of media as they are, with their length', async () => {
    const bytes = Buffer.alloc(300_000, 0xab);
    bytes.write(META_TOKEN, 150_000, 'latin1');
    gateway.respond((_request, response) =>
      response.writeHead(200, { 'content-type': 'image/png', 'content-length': bytes.length }).end(bytes),
    );
    const response = await call('/graph/lookaside.fbsbx.com/whatsapp?mid=1').buffer(true);
    expect(response.headers['content-length']).toBe('300000');
    expect(response.body).toHaveLength(300_000);
    expect((response.body as Buffer).includes(META_TOKEN)).toBe(false);
  });

  it('answers HEAD without a body', async () => {
    gateway.json(200, { a: 1 }, { etag: '"a"' });
    const response = await request(gateway.url).head('/graph/me').set('Authorization', `Bearer ${LEASE}`);
    expect(response.status).toBe(200);
    expect(gateway.seen[0]?.method).toBe('HEAD');
    // Without the body, it is unknown whether the gateway would change it.
    expect(response.headers['etag']).toBeUndefined();
  });
});

describe('redirects', () => {
  const redirectTo = (location: string) =>
    gateway.respond((_request, response) => response.writeHead(302, { location }).end());

  it('to Meta become redirects to the gateway, and are not followed', async () => {
    redirectTo(`${gateway.metaUrl}/graph.facebook.com/v26.0/1/picture?access_token=${META_TOKEN}`);
    const response = await call().redirects(0);
    expect(response.status).toBe(302);
    expect(response.headers['location']).toBe(
      `${gateway.config.publicUrl}/graph/v26.0/1/picture?access_token=${LEASE}`,
    );
    expect(gateway.seen).toHaveLength(1);
  });

  it.each(['https://graph.threads.net', 'https://graph.threads.com'])(
    'to either host of Threads, and links to it, become the gateway’s: %s',
    async (base) => {
      const link = `${base}/v1.0/1/threads?access_token=${META_TOKEN}&after=x`;
      const ours = `${gateway.config.publicUrl}/graph/v1.0/1/threads?access_token=${LEASE}&after=x`;
      redirectTo(link);
      expect((await call().redirects(0)).headers['location']).toBe(ours);
      gateway.json(200, { data: [], paging: { next: link } });
      const response = await call();
      expect(response.body.paging.next).toBe(ours);
      expect(response.text).not.toContain(META_TOKEN);
    },
  );

  it('to public media pass', async () => {
    redirectTo('https://scontent.xx.fbcdn.net/v/a.jpg?oh=1');
    expect((await call().redirects(0)).headers['location']).toBe('https://scontent.xx.fbcdn.net/v/a.jpg?oh=1');
  });

  it.each([
    'https://evil.test/?t=1',
    '//evil.test/',
    'http://scontent.fbcdn.net/a',
    'https://fbcdn.net.evil.test/',
    `https://a.fbcdn.net/${META_TOKEN}`,
  ])('to elsewhere are refused: %s', async (location) => {
    redirectTo(location);
    const response = await call().redirects(0);
    expect(response.status).toBe(502);
    expect(response.headers['location']).toBeUndefined();
  });
});

describe('errors of Meta', () => {
  const expired = {
    error: {
      message: `Error validating ${META_TOKEN}`,
      type: 'OAuthException',
      code: 190,
      error_subcode: 463,
      fbtrace_id: 'Abc',
    },
  };

  it('pass in their own shape, without the token, and are reported', async () => {
    gateway.json(400, expired, {
      'WWW-Authenticate': `OAuth "Facebook Platform" "invalid_token" "about ${META_TOKEN}"`,
    });
    const response = await call();
    expect(response.status).toBe(400);
    expect(response.body.error).toEqual({ ...expired.error, message: `Error validating ${LEASE}` });
    expect(response.headers['www-authenticate']).toBe(`OAuth "Facebook Platform" "invalid_token" "about ${LEASE}"`);
    expect(gateway.reported).toEqual([
      expect.objectContaining({
        cause: { code: 190, subcode: 463, type: 'OAuthException', fbtrace_id: 'Abc' },
        verdict: { kind: 'dead', reason: 'expired' },
      }),
    ]);
  });

  it('cause no inspection where the 190 is about client_business_id', async () => {
    gateway.json(400, { error: { message: 'x', type: 'OAuthException', code: 190 } });
    await call('/graph/me?fields=id%2Cclient_business_id');
    expect(gateway.reported).toHaveLength(0);
    await call('/graph/me?fields=id');
    expect(gateway.reported).toHaveLength(1);
  });

  it('are heard with status 200, too', async () => {
    gateway.json(200, expired);
    await call('/graph/me?suppress_response_codes=1');
    expect(gateway.reported).toHaveLength(1);
  });

  it('that are limits are heard, and passed on', async () => {
    gateway.json(403, { error: { message: '(#4) limit', type: 'OAuthException', code: 4 } }, { 'retry-after': '30' });
    const response = await call();
    expect(response.status).toBe(403);
    expect(response.headers['retry-after']).toBe('30');
    expect(
      gateway.observed.some(({ throttle }) => throttle?.scope === 'app' && throttle.retryAfterSeconds === 30),
    ).toBe(true);
  });
});

describe('faults', () => {
  it('a connection that breaks before a response: reads are tried once more', async () => {
    let tries = 0;
    gateway.respond((req, response) => {
      tries++;
      if (tries === 1) return void req.socket.destroy();
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"ok":true}');
    });
    expect((await call()).body).toEqual({ ok: true });
    expect(tries).toBe(2);
  });

  it('a connection that breaks before a response: writes are not', async () => {
    gateway.respond((req) => req.socket.destroy());
    const response = await request(gateway.url)
      .post('/graph/me/feed')
      .set('Authorization', `Bearer ${LEASE}`)
      .send('a=b');
    expect(response.status).toBe(502);
    expect(response.body.error).toMatchObject({
      code: 2,
      is_transient: true,
      error_data: { code: 'meta_unavailable' },
    });
    expect(gateway.seen).toHaveLength(1);
  });

  it('a response that breaks off does not look whole', async () => {
    gateway.respond((req, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write(`{"data":["${'x'.repeat(100_000)}",`);
      setTimeout(() => req.socket.destroy(), 50);
    });
    await expect(call()).rejects.toThrow(/aborted|hang up/);
    gateway.respond((req, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': 1000 });
      response.write('{"data":[');
      setTimeout(() => req.socket.destroy(), 50);
    });
    expect((await call()).status).toBe(502);
  });

  it('a client that goes away takes the call to Meta along', async () => {
    const gone = new Promise<void>((resolve) => {
      gateway.respond((req, response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.write('[');
        req.socket.once('close', () => resolve());
      });
    });
    const outgoing = nodeHttp.get(`${gateway.url}/graph/me`, { headers: { authorization: `Bearer ${LEASE}` } });
    outgoing.on('error', () => undefined);
    outgoing.once('response', () => outgoing.destroy());
    await gone;
  });

  it('a lease that ends cuts off what runs on it', async () => {
    const good = gateway.grants.get(LEASE);
    gateway.respond((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write(`["${'x'.repeat(50_000)}",`);
    });
    const broken = expect(call()).rejects.toThrow(/aborted|hang up/);
    setTimeout(() => gateway.grants.delete(LEASE), 500);
    await broken;
    if (good !== undefined) gateway.grants.set(LEASE, good);
  });
});

describe('limits', () => {
  it('let calls wait, and refuse with 429 when too many do', async () => {
    const small = await startTestGateway({ limits: { perClient: 2, waitingPerClient: 3, waitMs: 20_000 } });
    // Meta responds once all calls have been admitted, queued, or refused.
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    small.respond(
      (_request, response) =>
        void released.then(() => response.writeHead(200, { 'content-type': 'application/json' }).end('{}')),
    );
    let refusals = 0;
    const responses = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const response = await request(small.url).get('/graph/me').set('Authorization', `Bearer ${LEASE}`);
        if (response.status === 429 && ++refusals === 3) release();
        return response;
      }),
    );
    const refused = responses.filter(({ status }) => status === 429);
    expect(responses.filter(({ status }) => status === 200)).toHaveLength(5);
    expect(refused).toHaveLength(3);
    expect(refused[0]?.headers['retry-after']).toBe('1');
    expect(refused[0]?.body.error).toMatchObject({ code: 4, error_data: { code: 'too_many_calls' } });
    await small.close();
  });
});

describe('records', () => {
  it('count by lease and pattern, and hold nothing of the calls', async () => {
    gateway.json(200, {});
    await call('/graph/123/insights?metric=secret');
    await call('/graph/456/insights');
    await gateway.usage.flush();
    const entry = gateway.recorded.find(({ details }) => JSON.stringify(details).includes('/:id/insights'));
    expect(entry?.action).toBe('gateway.used');
    expect((entry?.details?.['routes'] as Record<string, unknown> | undefined)?.['GET /:id/insights']).toEqual({
      calls: 2,
      errors: 0,
    });
    expect(JSON.stringify(gateway.recorded)).not.toMatch(/secret|123|mtl_/);
    expect(await gateway.registry.metrics()).toContain(
      'metavault_gateway_calls_total{product="pages",route="/:id/insights",status="2xx"} 2',
    );
  });
});
