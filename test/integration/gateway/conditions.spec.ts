import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { grantFor, LEASE, META_TOKEN, startTestGateway, type TestGateway } from '../../support/test-gateway.ts';

/** A second lease of the same credential: Meta's response is the same for both. */
const OTHER_LEASE = 'mtl_other_lease';
const ETAG = '"52edad5ebaca51e221fed23018d12d596c858c70"';
const MEDIA = '/graph/lookaside.fbsbx.com/whatsapp?mid=1';

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startTestGateway();
  gateway.grants.set(OTHER_LEASE, grantFor(META_TOKEN));
});
afterAll(() => gateway.close());
beforeEach(() => {
  gateway.seen.length = 0;
  gateway.issued.clear();
});

const get = (path: string, lease: string, headers: Record<string, string> = {}) =>
  request(gateway.url)
    .get(path)
    .set({ ...headers, Authorization: `Bearer ${lease}` });
/** What a cache sends with its next call for the same address. */
const revalidating = { 'If-None-Match': `"older", W/${ETAG}`, 'If-Modified-Since': 'Sat, 28 Nov 2026 00:00:00 GMT' };
const validators = { etag: ETAG, 'last-modified': 'Fri, 27 Nov 2026 00:00:00 GMT' };

function page(size = 1) {
  return {
    data: Array.from({ length: size }, (_, id) => ({ id: String(id), name: 'x'.repeat(100) })),
    paging: { next: `${gateway.metaUrl}/graph.facebook.com/v26.0/7/posts?access_token=${META_TOKEN}&after=x` },
  };
}

describe('a response with the links of a lease', () => {
  it.each([
    ['small', 1],
    ['large', 2_000],
  ])('has no validator, and comes whole with the links of the lease that asks: %s', async (_, size) => {
    gateway.json(200, page(size), validators);
    for (const lease of [LEASE, OTHER_LEASE]) {
      // Also with Meta's own tag, wherever the client got it.
      for (const headers of [{}, revalidating]) {
        const response = await get('/graph/7/posts', lease, headers);
        expect(response.status).toBe(200);
        expect(response.headers).not.toHaveProperty('etag');
        expect(response.headers).not.toHaveProperty('last-modified');
        expect(response.body.paging.next).toContain(`access_token=${lease}&`);
      }
    }
    for (const { headers } of gateway.seen) {
      expect(headers).not.toHaveProperty('if-none-match');
      expect(headers).not.toHaveProperty('if-modified-since');
    }
  });

  it('has none either where a token was replaced or removed, or a link has no token', async () => {
    const token = `EAAP${'a1b2'.repeat(40)}`;
    gateway.issued.set(token, 'mtl_page');
    const bodies = [
      { id: '1', access_token: token },
      { id: '1', access_token: `EAAQ${'c3d4'.repeat(40)}` },
      { next: `${gateway.metaUrl}/graph.facebook.com/v26.0/7` },
    ];
    for (const body of bodies) {
      gateway.json(200, body, validators);
      const response = await get('/graph/me', LEASE, revalidating);
      expect([response.status, response.headers['etag']]).toEqual([200, undefined]);
    }
  });

  it('leads on with the lease of the call, whose ever the followed link was', async () => {
    gateway.json(200, page());
    const { body } = await get('/graph/7/posts', LEASE);
    const { pathname, search } = new URL(body.paging.next as string);
    gateway.grants.delete(LEASE);
    const followed = await get(pathname + search, OTHER_LEASE);
    gateway.grants.set(LEASE, grantFor(META_TOKEN));
    expect(followed.status).toBe(200);
    expect(followed.body.paging.next).toContain(`access_token=${OTHER_LEASE}&`);
  });
});

describe('a response that is passed on as Meta gave it', () => {
  it('keeps its validators, and is a 304 for who has it', async () => {
    gateway.json(200, { id: '7', name: 'Seven' }, validators);
    const first = await get('/graph/7', LEASE);
    expect(first.headers).toMatchObject(validators);
    for (const lease of [LEASE, OTHER_LEASE]) {
      const second = await get('/graph/7', lease, revalidating);
      expect([second.status, second.text, second.headers['etag']]).toEqual([304, '', ETAG]);
    }
    const changed = await get('/graph/7', LEASE, { 'If-None-Match': '"another", *' });
    expect([changed.status, changed.body]).toEqual([200, { id: '7', name: 'Seven' }]);
  });

  it('is no 304 where something is written, or Meta refused', async () => {
    gateway.json(200, { id: '7' }, validators);
    const post = request(gateway.url)
      .post('/graph/7')
      .set({ ...revalidating, Authorization: `Bearer ${LEASE}` });
    expect((await post.send('a=b')).status).toBe(200);
    expect((await get('/graph/7?method=post', LEASE, revalidating)).status).toBe(200);
    gateway.json(400, { error: { message: 'x', code: 100 } }, validators);
    expect((await get('/graph/7', LEASE, revalidating)).status).toBe(400);
  });

  it('is refused where Meta says without being asked that it is the same', async () => {
    gateway.respond((_request, response) => response.writeHead(304, { etag: ETAG }).end());
    const response = await get('/graph/7', LEASE, revalidating);
    expect([response.status, response.body.error.error_data]).toEqual([502, { code: 'answer_refused' }]);
  });
});

describe('media', () => {
  it('have their validators, and their conditions are Meta’s to judge', async () => {
    gateway.respond((_request, response) =>
      response.writeHead(200, { 'content-type': 'image/png', ...validators }).end(Buffer.alloc(10, 1)),
    );
    expect((await get(MEDIA, LEASE)).headers).toMatchObject(validators);
    gateway.respond((_request, response) => response.writeHead(304, validators).end());
    const response = await get(MEDIA, LEASE, revalidating);
    expect([response.status, response.headers['etag']]).toEqual([304, ETAG]);
    expect(gateway.seen.at(-1)?.headers).toMatchObject({
      'if-none-match': revalidating['If-None-Match'],
      'if-modified-since': revalidating['If-Modified-Since'],
    });
  });
});
