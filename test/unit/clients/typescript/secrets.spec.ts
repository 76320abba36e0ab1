import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { EventVerifier } from '../../../../clients/typescript/src/index.ts';
import { API_KEY, issuedLease, problem, scriptService } from '../../../support/scripted-service.ts';

const TARGET = { tenant: 'acme', product: 'pages' } as const;
const WEBHOOK_KEY = Buffer.alloc(32, 1).toString('base64');
const SECRET = new RegExp(`mt[vl]_[a-z0-9_]{4}|${WEBHOOK_KEY}`);
const shownBy = (value: unknown): string =>
  [inspect(value, { depth: 20, showHidden: true }), JSON.stringify(value), String(value)].join('\n');
const caught = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => Promise.reject(new Error('the call did not fail')),
    (error: unknown) => error,
  );

describe('what is printed', () => {
  it('shows neither key nor token of client, lease, Graph, or verifier', async () => {
    const { client } = scriptService(() => issuedLease(1));
    const lease = await client.leases.for(TARGET);
    expect(lease.accessToken).toBe('mtl_lease_1');
    const values = [client, lease, client.graph(TARGET), new EventVerifier(`whsec_${WEBHOOK_KEY}`), { ...lease }];
    for (const value of values) expect(shownBy(value)).not.toMatch(SECRET);
    expect(shownBy(lease)).toContain('lse_1');
  });

  it('shows no key in an error of the network, whatever the runtime says', async () => {
    const cause = Object.assign(new Error(`socket of Bearer ${API_KEY}`), { code: 'ECONNRESET' });
    const { client } = scriptService(() => new TypeError(`failed: Bearer ${API_KEY}`, { cause }), { attempts: 1 });
    const error = await caught(client.connections.list());
    expect(error).toMatchObject({ name: 'UnreachableError', message: expect.stringContaining('(ECONNRESET)') });
    expect(shownBy(error)).not.toMatch(SECRET);
  });

  it('shows no token that an answer repeats', async () => {
    const body = { error: { message: `Malformed access token mtl_abcdef0123456789`, code: 190 } };
    const { client } = scriptService(({ url }) =>
      url.pathname === '/v1/leases' ? issuedLease(1) : Response.json(body, { status: 400 }),
    );
    const error = await caught(client.graph(TARGET).get('me'));
    expect(error).toMatchObject({ message: 'meta_error: Malformed access token [redacted]' });
  });

  it('shows no key that cannot be sent', async () => {
    const { client } = scriptService(() => problem(401, 'unauthenticated'), { apiKey: `${API_KEY}\n` });
    const error = await caught(client.connections.list());
    expect(error).toBeInstanceOf(TypeError);
    expect(shownBy(error)).not.toMatch(SECRET);
  });

  it('shows hooks neither query nor headers', async () => {
    const seen: unknown[] = [];
    const { client } = scriptService(
      ({ url }) => (url.pathname === '/v1/leases' ? issuedLease(1) : Response.json({})),
      { hooks: { onRequest: (attempt) => seen.push({ ...attempt }), onResponse: (...all) => seen.push(all) } },
    );
    await client.graph(TARGET).get('me', { access_token: 'mtl_abcdef0123456789' });
    expect(seen).toHaveLength(4);
    expect(shownBy(seen)).not.toMatch(SECRET);
  });
});

describe('an error', () => {
  it('has what the problem says', async () => {
    const { client } = scriptService(() => problem(409, 'reauth_required', { 'retry-after': '9' }));
    expect(await caught(client.leases.for(TARGET))).toMatchObject({
      name: 'MetavaultError',
      message: 'reauth_required: It failed.',
      code: 'reauth_required',
      status: 409,
      remedy: 'Mend it.',
      requestId: 'req_1',
      retryAfter: 9,
      meta: null,
      errors: [],
    });
  });

  it.each(['', '<html>'])('says that the service did not answer for the body %j', async (body) => {
    const { client } = scriptService(() => new Response(body, { status: 404 }));
    expect(await caught(client.connections.list())).toMatchObject({ code: 'unexpected_answer', status: 404 });
  });
});
