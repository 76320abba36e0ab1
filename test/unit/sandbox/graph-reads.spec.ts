import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Sandbox } from '../../../src/sandbox/sandbox.ts';
import { appsecretProof } from '../../../src/sandbox/tokens/graph-caller.ts';
import { at, bearer, call, form, json, type Reply, start, startedAt, textAt } from './sandbox-harness.ts';

const user = '100000000000101';
let sandbox: Sandbox;
let graph: string;
let token: string;
beforeAll(async () => {
  sandbox = await start();
  graph = `${sandbox.url}/graph.facebook.com`;
  token = sandbox.state.make.token({ userId: user }).accessToken;
});
afterAll(() => sandbox.close());

const get = (path: string, with_ = token) => call(`${graph}/v26.0/${path}`, bearer(with_));
const recordedFile = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../support/recorded/${name}`, import.meta.url), 'utf8'));

describe('/me/accounts (docs/meta-facts.md#page-tokens)', () => {
  it('shows the default fields in the recorded order, tasks as recorded', async () => {
    const recorded = recordedFile('page_accounts_responses.json') as {
      cases: { body: { data: Record<string, unknown>[] } }[];
    };
    const page = recorded.cases[0]?.body.data[0] ?? {};
    const reply = await get('me/accounts');
    const shown = at(reply, 'data.0') as Record<string, unknown>;
    expect(Object.keys(shown)).toEqual(Object.keys(page));
    expect(shown.tasks).toEqual(page.tasks);
    expect(at(reply, 'paging.cursors')).toEqual({ before: expect.any(String), after: expect.any(String) });
    expect(at(reply, 'paging.next')).toBeUndefined();
  });

  it('pages by cursor both ways, next carrying the token in clear', async () => {
    const first = await call(`${graph}/v26.0/me/accounts?limit=2&summary=1&fields=id,name`, bearer(token));
    expect(Object.keys(at(first, 'data.0') as object)).toEqual(['id', 'name']);
    expect(at(first, 'summary')).toEqual({ total_count: 3 });
    const next = textAt(first, 'paging.next');
    expect(next.startsWith(`${graph}/v26.0/${user}/accounts?`)).toBe(true);
    expect(new URL(next).searchParams.get('access_token')).toBe(token);
    const second = await call(next);
    expect((at(second, 'data') as unknown[]).length).toBe(1);
    expect(at(second, 'paging.next')).toBeUndefined();
    const back = await call(textAt(second, 'paging.previous'));
    expect(at(back, 'data')).toEqual(at(first, 'data'));
    expect(at(await get('me/accounts?after=bogus'), 'error.code')).toBe(100);
  });

  it('nests the Instagram account, and leaves it out where there is none', async () => {
    const reply = await get(
      'me/accounts?fields=id,instagram_business_account{id,username},connected_instagram_account',
    );
    expect(at(reply, 'data.0')).toEqual({
      id: '200000000000201',
      instagram_business_account: { id: '17841400000000301', username: 'sandbox.bakery' },
      connected_instagram_account: { id: '17841400000000301' },
    });
    expect(at(reply, 'data.1')).toEqual({ id: '200000000000202' });
  });

  it('gives page tokens without end for a long user token, and mortal ones for a short', async () => {
    const page = textAt(await get('200000000000201?fields=access_token'), 'access_token');
    expect(sandbox.state.tokens.view(page)).toMatchObject({
      expiresAt: 0,
      claims: { kind: 'page', pageId: '200000000000201' },
    });
    expect(textAt(await get('me/accounts?fields=access_token&limit=1'), 'data.0.access_token')).toBe(page);
    const short = sandbox.state.make.token({ userId: user, longLived: false, expiresIn: 3600 });
    const mortal = textAt(await get('200000000000201?fields=access_token', short.accessToken), 'access_token');
    expect(sandbox.state.tokens.view(mortal)?.expiresAt).toBe(short.expiresAt);
    expect(at(await get('me', page), 'id')).toBe('200000000000201');
  });

  it('gives a new string at each look, where it is told to, and every one works', async () => {
    sandbox.state.patchSettings({ pageTokens: 'fresh' });
    const look = async () => textAt(await get('200000000000201?fields=access_token'), 'access_token');
    const [first, second] = [await look(), await look()];
    sandbox.state.patchSettings({ pageTokens: 'same' });
    expect(first).not.toBe(second);
    for (const page of [first, second]) expect(at(await get('me', page), 'id')).toBe('200000000000201');
  });

  it('needs pages_show_list', async () => {
    const other = sandbox.state.make.user();
    const bare = sandbox.state.make.token({ userId: other.id, scopes: ['public_profile'] }).accessToken;
    const reply = await get('me/accounts', bare);
    expect([reply.status, at(reply, 'error.code')]).toEqual([403, 200]);
  });
});

describe('nodes and errors (docs/meta-facts.md#errors)', () => {
  it('says 100/33 for what is not there, or not for this token', async () => {
    const stranger = sandbox.state.make.page();
    for (const id of ['999', stranger.id]) {
      const reply = await get(id);
      expect(reply.status).toBe(400);
      expect(reply.json).toMatchObject({ error: { type: 'GraphMethodException', code: 100, error_subcode: 33 } });
    }
  });

  it('refuses unknown fields, edges, versions, and calls without a token', async () => {
    expect(at(await get('me?fields=id,shoe_size'), 'error.message')).toContain('nonexisting field (shoe_size)');
    expect(at(await get('me/shoes'), 'error.code')).toBe(100);
    expect(at(await call(`${graph}/v99.0/me`, bearer(token)), 'error.code')).toBe(2500);
    expect(at(await call(`${graph}/v26.0/me`), 'error.message')).toBe(
      'An active access token must be used to query information about the current user.',
    );
    expect(at(await call(`${graph}/v26.0/${user}`), 'error.code')).toBe(104);
    expect(at(await call(`${graph}/v26.0/`), 'error.message')).toBe('No node specified');
  });

  it('gives 190 for client_business_id with a good user token (docs/meta-facts.md#a-190-that-is-none)', async () => {
    const reply = await get('me?fields=client_business_id');
    expect([reply.status, at(reply, 'error.code')]).toEqual([400, 190]);
    expect((await get('me')).status).toBe(200);
  });

  it('lists businesses and ad accounts', async () => {
    expect(at(await get('me/businesses'), 'data.0')).toEqual({ id: '300000000000401', name: 'Sandbox Business' });
    expect(at(await get('me/adaccounts?fields=id,account_id,name,currency,account_status,business'), 'data.0')).toEqual(
      {
        id: 'act_330000000000404',
        account_id: '330000000000404',
        name: 'Sandbox Ads',
        currency: 'EUR',
        account_status: 1,
        business: { id: '300000000000401', name: 'Sandbox Business' },
      },
    );
    expect((await get('act_330000000000404/insights')).status).toBe(200);
  });
});

describe('ways to send a token and its proof (docs/meta-facts.md#app-secret-proof)', () => {
  it('takes query, form, JSON, multipart, Bearer and OAuth; the query wins', async () => {
    const multipart = new FormData();
    multipart.set('access_token', token);
    multipart.set('method', 'get');
    const ways: [string, RequestInit][] = [
      [`me?access_token=${token}`, {}],
      ['me?method=get', form({ access_token: token })],
      ['me?method=get', json({ access_token: token })],
      ['me', { method: 'POST', body: multipart }],
      ['me', { headers: { Authorization: `OAuth ${token}` } }],
    ];
    for (const [path, init] of ways) expect(at(await call(`${graph}/v26.0/${path}`, init), 'id')).toBe(user);
    expect(at(await call(`${graph}/v26.0/me?access_token=wrong`, bearer(token)), 'error.code')).toBe(190);
  });

  it('makes the published proofs', () => {
    const file = recordedFile('appsecret_proof_vectors.json') as {
      vectors: Record<string, string>[];
      time_bound_variant: Record<string, string>[];
    };
    for (const one of file.vectors)
      expect(appsecretProof(one.app_secret ?? '', one.access_token ?? '')).toBe(one.appsecret_proof);
    const timed = file.time_bound_variant[0] ?? {};
    expect(appsecretProof(timed.app_secret ?? '', timed.access_token ?? '', String(timed.appsecret_time))).toBe(
      timed.appsecret_proof,
    );
  });

  it('refuses a wrong proof always, a missing one where required, an old one after five minutes', async () => {
    const wrong = await get(`me?appsecret_proof=${'0'.repeat(64)}`);
    expect(wrong.json).toMatchObject({
      error: {
        message: 'Invalid appsecret_proof provided in the API argument',
        type: 'GraphMethodException',
        code: 100,
      },
    });
    expect(wrong.headers.get('www-authenticate')).toBe(
      'OAuth "Facebook Platform" "invalid_request" "Invalid appsecret_proof provided in the API argument"',
    );
    sandbox.state.patchApp(undefined, { requireProof: true });
    expect(at(await get('me'), 'error.message')).toBe('API calls from the server require an appsecret_proof argument');
    expect((await get(`me?appsecret_proof=${appsecretProof(sandbox.app.secret, token)}`)).status).toBe(200);
    sandbox.state.patchApp(undefined, { requireProof: false });
    const timed = (seconds: number) => {
      const time = String(startedAt / 1000 - seconds);
      return get(`me?appsecret_time=${time}&appsecret_proof=${appsecretProof(sandbox.app.secret, token, time)}`);
    };
    expect((await timed(299)).status).toBe(200);
    expect((await timed(301)).status).toBe(400);
  });
});

describe('headers (docs/meta-facts.md#response-headers)', () => {
  it('has the recorded ones on a GET, with ETag and 304', async () => {
    const recorded = recordedFile('headers_graph_2021_grouparoo.json') as { cases: { headers: [string, string][] }[] };
    const reply = await get('me');
    for (const [name] of recorded.cases[0]?.headers ?? []) {
      if (['priority', 'connection', 'transfer-encoding', 'x-business-use-case-usage'].includes(name.toLowerCase()))
        continue;
      expect([name, reply.headers.has(name)]).toEqual([name, true]);
    }
    expect(reply.headers.get('etag')).toMatch(/^"[0-9a-f]{40}"$/);
    expect(reply.headers.get('x-app-usage')).toBe('{"call_count":0,"total_cputime":0,"total_time":0}');
    const again = await call(
      `${graph}/v26.0/me`,
      bearer(token, { headers: { 'If-None-Match': reply.headers.get('etag') ?? '' } }),
    );
    expect([again.status, again.text]).toEqual([304, '']);
  });

  it('has no ETag on errors, and one trace id in body and header', async () => {
    const reply = await get('999');
    expect(reply.headers.has('etag')).toBe(false);
    expect(reply.headers.get('cache-control')).toBe('no-store');
    expect(reply.headers.get('x-fb-request-id')).toBe(at(reply, 'error.fbtrace_id'));
    expect(reply.headers.get('content-length')).toBe(String(reply.text.length));
  });

  it('serves dead versions by the oldest living one, which changes with time', async () => {
    const old = await start();
    const { accessToken } = old.state.make.token({ userId: user, expiresIn: null });
    const version = async (path: string) =>
      (await call(`${old.url}/graph.facebook.com/${path}`, bearer(accessToken))).headers.get('facebook-api-version');
    expect([await version('v26.0/me'), await version('v21.0/me')]).toEqual(['v26.0', 'v21.0']);
    expect([await version('v20.0/me'), await version('v3.2/me'), await version('me')]).toEqual(Array(3).fill('v21.0'));
    old.state.setDataAccess(user, 0);
    old.state.advanceClock((Date.parse('2027-01-21') - startedAt) / 1000);
    expect([await version('v26.0/me'), await version('v21.0/me'), await version('me')]).toEqual([
      'v26.0',
      'v22.0',
      'v22.0',
    ]);
    await old.close();
  });

  it('escapes slashes and other alphabets', async () => {
    const reply = await get('200000000000203?fields=name,link');
    expect(reply.text).toBe(
      '{"name":"Caf\\u00e9 \\u00abSandkasten\\u00bb","link":"https:\\/\\/www.facebook.com\\/200000000000203","id":"200000000000203"}',
    );
  });

  it('compresses long responses for clients that can read them', async () => {
    const raw = (coding: string) =>
      new Promise<{ coding: string | undefined; body: Buffer }>((resolve, reject) => {
        const headers = { Authorization: `Bearer ${token}`, 'Accept-Encoding': coding };
        request(`${graph}/v26.0/me/accounts`, { headers }, (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () =>
            resolve({ coding: response.headers['content-encoding'], body: Buffer.concat(chunks) }),
          );
        })
          .on('error', reject)
          .end();
      });
    const plain = await raw('identity');
    const gzip = await raw('gzip');
    const br = await raw('gzip, br');
    expect([plain.coding, gzip.coding, br.coding]).toEqual([undefined, 'gzip', 'br']);
    expect(gunzipSync(gzip.body)).toEqual(plain.body);
    expect(brotliDecompressSync(br.body)).toEqual(plain.body);
  });
});

describe('debug_token (docs/meta-facts.md#token-inspection)', () => {
  const inspect = (input: string, by = `${sandbox.app.id}|${sandbox.app.secret}`): Promise<Reply> =>
    get(`debug_token?${new URLSearchParams({ input_token: input })}`, by);

  it('shows a user token and a page token', async () => {
    expect(at(await inspect(token), 'data')).toMatchObject({
      app_id: sandbox.app.id,
      type: 'USER',
      application: 'Sandbox App',
      is_valid: true,
      user_id: user,
      issued_at: startedAt / 1000,
      expires_at: startedAt / 1000 + 5183944,
      data_access_expires_at: startedAt / 1000 + 90 * 86400,
    });
    const page = sandbox.state.make.token({ userId: user, pageId: '200000000000201' }).accessToken;
    expect(at(await inspect(page), 'data')).toMatchObject({
      type: 'PAGE',
      profile_id: '200000000000201',
      user_id: user,
      expires_at: 0,
    });
  });

  it('answers 200 for a dead token that can be read, and for garbage', async () => {
    const other = sandbox.state.make.user();
    const dead = sandbox.state.make.token({ userId: other.id }).accessToken;
    sandbox.state.changePassword(other.id);
    const reply = await inspect(dead);
    expect(reply.status).toBe(200);
    expect(at(reply, 'data')).toMatchObject({
      error: { code: 190, subcode: 460 },
      is_valid: false,
      app_id: sandbox.app.id,
      user_id: other.id,
      scopes: expect.arrayContaining(['email']),
    });
    expect((await inspect('garbage')).json).toEqual({
      data: { error: { code: 190, message: 'Invalid OAuth access token.' }, is_valid: false, scopes: [] },
    });
  });

  it('refuses users who are no developers, other apps, and no input', async () => {
    const recorded = recordedFile('debug_token_responses.json') as {
      cases: { status?: number; body: { error?: Record<string, unknown> } }[];
    };
    const expected = recorded.cases.find((one) => one.status === 400)?.body.error;
    const reply = await inspect(token, token);
    expect(reply.json).toEqual({ error: { ...expected, fbtrace_id: expect.any(String) } });
    expect(at(await get('debug_token', `${sandbox.app.id}|${sandbox.app.secret}`), 'error.code')).toBe(100);
    expect(at(await inspect(token, `${sandbox.app.id}|${'0'.repeat(32)}`), 'error.message')).toBe(
      'Error validating client secret.',
    );
    const instagram = sandbox.state.make.token({ userId: '25000000000000302' }).accessToken;
    expect(at(await inspect(instagram), 'data.is_valid')).toBe(false);
  });
});
