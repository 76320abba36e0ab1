import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { gatewayUrl } from '../../../../clients/typescript/src/graph.ts';
import {
  gatewayRefusal,
  issuedLease,
  SERVICE_URL,
  type SentRequest,
  scriptService,
} from '../../../support/scripted-service.ts';

const TARGET = { tenant: 'acme', product: 'pages' } as const;
const RETRY = { 'retry-after': '1' };

/** A service that gives numbered leases, and answers Graph calls with `graph`. */
function serve(graph: (request: SentRequest, call: number) => Response | Error) {
  let leases = 0;
  let calls = 0;
  const service = scriptService((request) =>
    request.url.pathname === '/v1/leases' ? issuedLease(++leases) : graph(request, ++calls),
  );
  return { ...service, graph: service.client.graph(TARGET), leases: () => leases, calls: () => calls };
}
const tokenOf = ({ headers }: SentRequest): string => headers.get('authorization')?.replace('Bearer ', '') ?? '';
const onlyLease = (n: number) => (request: SentRequest) =>
  tokenOf(request) === `mtl_lease_${n}` ? Response.json({ id: '1' }) : gatewayRefusal(401, 'lease_invalid');

describe('a call to Graph', () => {
  it('goes to the gateway with the lease in a header', async () => {
    const { graph, sent } = serve(() => Response.json({ id: '1' }));
    expect(await graph.get('/me', { fields: 'id', filter: { a: 1 } })).toEqual({ id: '1' });
    expect(sent[1]?.url.href).toBe(`${SERVICE_URL}/graph/me?fields=id&filter=%7B%22a%22%3A1%7D`);
    expect(tokenOf(sent[1] as SentRequest)).toBe('mtl_lease_1');
  });

  it.each(['GET', 'POST', 'DELETE'])('of %s replaces a refused lease, and is made once more', async (method) => {
    const { graph, leases, calls } = serve(onlyLease(2));
    expect((await graph.fetch('me', { method })).status).toBe(200);
    expect([leases(), calls()]).toEqual([2, 2]);
  });

  it('replaces a refused lease no more than once', async () => {
    const { graph, leases, calls } = serve(onlyLease(0));
    await expect(graph.get('me')).rejects.toMatchObject({ name: 'GraphError', code: 'lease_invalid', status: 401 });
    expect([leases(), calls()]).toEqual([2, 2]);
  });

  it.each([
    ['does not count a lease that ran out on its way', 3, 4],
    ['gives up if every lease runs out on its way', Number.POSITIVE_INFINITY, 5],
  ])('%s', async (_, slow, calls) => {
    const service = serve((_request, call) => {
      if (call > slow) return Response.json({});
      service.advance(900_000);
      return gatewayRefusal(401, 'lease_invalid');
    });
    await service.graph.get('me').catch(({ code }: { code: string }) => expect(code).toBe('lease_invalid'));
    expect([service.leases(), service.calls()]).toEqual([calls, calls]);
  });

  it('replaces a lease that many calls lose at once by one', async () => {
    const { graph, leases } = serve(onlyLease(2));
    await Promise.all(Array.from({ length: 50 }, () => graph.get('me')));
    expect(leases()).toBe(2);
  });

  it('keeps the lease when Meta refuses its token', async () => {
    const error = { message: 'Session has expired', type: 'OAuthException', code: 190, error_subcode: 463 };
    const { graph, leases } = serve(() =>
      Response.json({ error }, { status: 401, headers: { 'x-request-id': 'req_7' } }),
    );
    await expect(graph.get('me')).rejects.toMatchObject({
      code: 'meta_error',
      requestId: 'req_7',
      meta: { code: 190, subcode: 463, type: 'OAuthException' },
    });
    expect(leases()).toBe(1);
  });

  it('does not send a stream twice', async () => {
    const { graph, leases, calls } = serve(onlyLease(2));
    const body = Readable.toWeb(Readable.from(['x'])) as ReadableStream;
    expect((await graph.fetch('me/photos', { method: 'POST', body })).status).toBe(401);
    expect([leases(), calls()]).toEqual([1, 1]);
    expect((await graph.fetch('me/photos', { method: 'POST', body: 'x' })).status).toBe(200);
  });

  it.each([
    ['a GET', 'me', 'GET', 'meta_unavailable', 2],
    ['a POST', 'me/feed', 'POST', 'meta_unavailable', 1],
    ['a DELETE', '1', 'DELETE', 'meta_unavailable', 1],
    ['a POST that Graph is told to make of a GET', 'me/feed?method=post', 'GET', 'meta_unavailable', 1],
    ['a POST that did not reach Meta', 'me/feed', 'POST', 'too_many_calls', 2],
  ])('%s is repeated if that does no harm', async (_, path, method, code, attempts) => {
    const { graph, calls } = serve((_request, call) =>
      call === 1 ? gatewayRefusal(502, code, RETRY) : Response.json({}),
    );
    await graph.fetch(path, { method });
    expect(calls()).toBe(attempts);
  });

  it('follows paging links with the lease that is current', async () => {
    const next = `${SERVICE_URL}/graph/v26.0/me/accounts?after=x&access_token=mtl_lease_0`;
    const { graph, sent } = serve((_request, call) =>
      Response.json(call === 1 ? { data: [1, 2], paging: { next } } : { data: [3] }),
    );
    const seen: unknown[] = [];
    for await (const item of graph.items('me/accounts')) seen.push(item);
    expect(seen).toEqual([1, 2, 3]);
    expect(sent[2]?.url.search).toBe('?after=x');
  });

  it('works through a lease that was handed out, beyond its end', async () => {
    const { client, advance, leases } = serve(() => Response.json({}));
    const lease = await client.leases.for(TARGET);
    advance(900_000);
    expect((await lease.graph('me')).status).toBe(200);
    expect(leases()).toBe(2);
  });
});

describe('the place of a call', () => {
  it.each([
    ['graph', '/v26.0/me', '/graph/v26.0/me'],
    ['graph-video', 'v26.0/1/videos', '/graph-video/v26.0/1/videos'],
    ['rupload', 'v26.0/1', '/rupload/v26.0/1'],
    ['graph', `${SERVICE_URL}/graph/me`, '/graph/me'],
    ['graph', '//evil.example/me', '/graph/evil.example/me'],
  ])('is on the host %s for %s', (host, path, pathname) => {
    expect(gatewayUrl(`${SERVICE_URL}/graph`, host, path).href).toBe(SERVICE_URL + pathname);
  });

  it.each([
    'https://evil.example/graph/me',
    '../v1/clients',
    'HTTPS://graph.facebook.com/me',
    `${SERVICE_URL}/v1/keys`,
  ])('is never %s', (path) => {
    expect(() => gatewayUrl(`${SERVICE_URL}/graph`, 'graph', path)).toThrow(TypeError);
  });
});
