import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Sandbox } from '../../../src/sandbox/sandbox.ts';
import { decodeToken } from '../../../src/sandbox/tokens/token-codec.ts';
import { at, bearer, call, exchange, json, start, startedAt, textAt } from './sandbox-harness.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await start();
});
afterEach(() => sandbox.state.faults.clear());
afterAll(() => sandbox.close());

const control = (path: string, body?: unknown) =>
  call(`${sandbox.url}/__sandbox/${path}`, body === undefined ? {} : json(body));
const newToken = () => sandbox.state.make.token({ userId: '100000000000101' }).accessToken;
const swap = (token: string) => exchange(sandbox, { grant_type: 'fb_exchange_token', fb_exchange_token: token });
const me = (token: string) => call(`${sandbox.url}/graph.facebook.com/v26.0/me`, bearer(token));

describe('scripted faults', () => {
  it('drops the response after Meta has committed, or before', async () => {
    const lost = newToken();
    await control('faults', {
      match: { grantType: 'fb_exchange_token', inputToken: lost },
      times: 1,
      fault: { kind: 'drop_after_commit' },
    });
    const other = newToken();
    expect((await swap(other)).status).toBe(200);
    await expect(swap(lost)).rejects.toThrow();
    expect(sandbox.state.log.exchangesOf(lost)).toBe(1);
    expect((await swap(lost)).status).toBe(200);
    expect(at(await control('exchanges', { token: lost }), 'exchanges')).toBe(2);
    const never = newToken();
    await control('faults', { times: 1, fault: { kind: 'drop_before' } });
    await expect(swap(never)).rejects.toThrow();
    expect(sandbox.state.log.exchangesOf(never)).toBe(0);
  });

  it.each([
    [{ kind: 'status', status: 502, body: 'bad gateway' }, 502, 'bad gateway'],
    [{ kind: 'html' }, 503, '<html'],
    [{ kind: 'text_200' }, 200, 'Service Unavailable'],
    [{ kind: 'throttle' }, 403, '"is_transient":true,"code":4,'],
    [{ kind: 'throttle', code: 80004, subcode: 2446079 }, 400, '"error_subcode":2446079'],
    [
      { kind: 'graph_error', code: 2, status: 503, message: '(#2) Service temporarily unavailable', isTransient: true },
      503,
      'temporarily',
    ],
  ])('answers %j in place of Meta', async (fault, status, text) => {
    await control('faults', { match: { pathPattern: '/me$' }, times: 1, fault });
    const token = newToken();
    const struck = await me(token);
    expect(struck.status).toBe(status);
    expect(struck.text).toContain(text);
    expect((await me(token)).status).toBe(200);
  });

  it('changes responses from within', async () => {
    const struck = async (kind: string) => {
      await control('faults', { match: { grantType: 'fb_exchange_token' }, times: 1, fault: { kind } });
      const token = newToken();
      const reply = await swap(token);
      return { token, reply, view: sandbox.state.tokens.view(textAt(reply, 'access_token')) };
    };
    expect(Object.keys((await struck('omit_expires_in')).reply.json as object)).toEqual(['access_token', 'token_type']);
    const same = await struck('same_token');
    expect(at(same.reply, 'access_token')).toBe(same.token);
    expect(at((await struck('shorter_expiry')).reply, 'expires_in')).toBeLessThan(5183944);
    expect((await struck('other_user')).view?.principal.id).not.toBe('100000000000101');
    expect((await struck('fewer_scopes')).view?.scopes).not.toContain('whatsapp_business_messaging');
    expect((await struck('fewer_scopes')).view?.grant.scopes).toContain('whatsapp_business_messaging');
  });

  it('cuts a response short, delays, and shows an empty page with a next link', async () => {
    const token = newToken();
    await control('faults', { times: 1, fault: { kind: 'truncate', bytes: 5 } });
    await expect(me(token)).rejects.toThrow();
    await control('faults', { times: 1, fault: { kind: 'delay', delayMs: 60 } });
    const before = performance.now();
    expect((await me(token)).status).toBe(200);
    expect(performance.now() - before).toBeGreaterThanOrEqual(55);
    await control('faults', { times: 1, fault: { kind: 'empty_page' } });
    const empty = await call(`${sandbox.url}/graph.facebook.com/v26.0/me/accounts?limit=1`, bearer(token));
    expect(at(empty, 'data')).toEqual([]);
    expect((at(await call(textAt(empty, 'paging.next')), 'data') as unknown[]).length).toBe(1);
  });

  it('strikes by user, by chance, and tells how often', async () => {
    const user = sandbox.state.make.user();
    const theirs = sandbox.state.make.token({ userId: user.id }).accessToken;
    const rule = sandbox.state.faults.add({ match: { userId: user.id }, fault: { kind: 'status', status: 500 } });
    expect((await me(theirs)).status).toBe(500);
    expect((await swap(theirs)).status).toBe(500);
    expect((await me(newToken())).status).toBe(200);
    expect(at(await control('faults'), 'faults.0')).toMatchObject({ id: rule.id, struck: 2 });
    await control('faults/clear', { id: rule.id });
    expect((await me(theirs)).status).toBe(200);
    const rare = sandbox.state.faults.add({ probability: 0.5, fault: { kind: 'status', status: 500 } });
    for (let index = 0; index < 60; index += 1) await me(theirs);
    expect(rare.struck).toBeGreaterThan(5);
    expect(rare.struck).toBeLessThan(55);
  });
});

describe('the recorded calls', () => {
  it('tell where a token was, and never hold it', async () => {
    await control('calls/clear', {});
    const token = newToken();
    await me(token);
    await call(`${sandbox.url}/graph.facebook.com/v26.0/me?access_token=${token}&fields=id`);
    const reply = await control('calls');
    expect(reply.text).not.toContain(token);
    expect(at(reply, 'calls')).toMatchObject([
      {
        tokenPlace: 'header',
        path: '/v26.0/me',
        status: 200,
        queryKeys: [],
        fingerprint: expect.stringMatching(/^[0-9a-f]{8}$/),
      },
      { tokenPlace: 'query', queryKeys: ['access_token', 'fields'], appsecretProof: false },
    ]);
    expect(at(await control('counters'), 'byHostAndStatus')).toEqual({ 'graph.facebook.com 200': 2 });
  });

  it('keep the last thousand in order', async () => {
    await control('calls/clear', {});
    for (let index = 0; index < 1003; index += 1)
      sandbox.state.log.add({
        at: index,
        method: 'GET',
        host: 'h',
        path: '/',
        queryKeys: [],
        bodyKeys: [],
        grantType: null,
        fingerprint: null,
        tokenPlace: null,
        appsecretProof: false,
        status: 200,
        inBatch: false,
        fault: null,
      });
    const kept = sandbox.state.log.list();
    expect([kept.length, kept[0]?.at, kept.at(-1)?.at]).toEqual([1000, 3, 1002]);
  });
});

describe('the control address', () => {
  it('lists its calls, and says what was wrong', async () => {
    const calls = at(await call(`${sandbox.url}/__sandbox`), 'calls') as { call: string }[];
    expect(calls.map((one) => one.call)).toContain('POST /__sandbox/clock/advance');
    expect((await control('nothing', {})).status).toBe(404);
    const wrong = await control('users/change-password', {});
    expect([wrong.status, at(wrong, 'error')]).toEqual([400, 'userId must be a string']);
    expect((await control('users', { id: 'abc' })).status).toBe(400);
  });

  it('makes people and tokens, and kills them', async () => {
    const id = textAt(await control('users', { name: 'Grace' }), 'id');
    const token = textAt(await control('tokens', { userId: id, expiresIn: 60 }), 'accessToken');
    expect(at(await me(token), 'name')).toBe('Grace');
    await control('tokens/expire', { token });
    expect(at(await me(token), 'error.error_subcode')).toBe(463);
    const second = textAt(await control('tokens', { userId: id }), 'accessToken');
    await control('grants/revoke', { userId: id });
    expect(at(await me(second), 'error.error_subcode')).toBe(458);
    await control('clock/advance', { seconds: 5 });
    expect(sandbox.state.now()).toBe(startedAt + 5000);
  });

  it('sets usage headers and latency', async () => {
    await control('usage', { app: { call_count: 95, total_cputime: 1, total_time: 2 } });
    expect((await me(newToken())).headers.get('x-app-usage')).toBe(
      '{"call_count":95,"total_cputime":1,"total_time":2}',
    );
    await control('usage', { app: null });
    expect((await me(newToken())).headers.has('x-app-usage')).toBe(false);
    await control('latency', { min: 30 });
    const before = performance.now();
    await me(newToken());
    expect(performance.now() - before).toBeGreaterThanOrEqual(28);
    await control('latency', { min: 0 });
  });

  it('makes 20,000 people with tokens within a second or so, and streams them', async () => {
    const before = process.cpuUsage();
    let last = '';
    let count = 0;
    for (const one of sandbox.state.make.bulk({ count: 20_000, expiresAt: startedAt + 3_600_000 })) {
      last = one.accessToken;
      count += 1;
    }
    const spent = process.cpuUsage(before);
    expect(count).toBe(20_000);
    // Processor time, not the clock: other work on the machine must not fail this. About 0.3 s when it is idle.
    expect((spent.user + spent.system) / 1000).toBeLessThan(3_000);
    expect(sandbox.state.tokens.view(last)?.expiresAt).toBe(startedAt + 3_600_000);
    const lines = await call(
      `${sandbox.url}/__sandbox/bulk`,
      json({ count: 3, expiresIn: 60, kind: 'instagram_user', lines: true }),
    );
    expect(
      lines.text
        .trim()
        .split('\n')
        .map((line) => textAt(JSON.parse(line), 'accessToken').slice(0, 4)),
    ).toEqual(['IGAA', 'IGAA', 'IGAA']);
    expect((await call(`${sandbox.url}/__sandbox/bulk`, json({ count: 2, expiresIn: 60 }))).json).toHaveLength(2);
  });
});

describe('the state file', () => {
  it('lets tokens, grants and deaths outlive a restart', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sandbox-'));
    const stateFile = join(folder, 'state.json');
    const first = await start({ stateFile });
    const token = first.state.make.token({ userId: '100000000000101' }).accessToken;
    const dead = first.state.make.token({ userId: '100000000000101' }).accessToken;
    first.state.invalidateToken(dead, 467);
    await first.close();
    expect((await readFile(stateFile, 'utf8')).includes(token)).toBe(false);
    const second = await start({ stateFile });
    expect((await call(`${second.url}/graph.facebook.com/v26.0/me`, bearer(token))).status).toBe(200);
    expect(at(await call(`${second.url}/graph.facebook.com/v26.0/me`, bearer(dead)), 'error.error_subcode')).toBe(467);
    await second.close();
    await rm(folder, { recursive: true });
  });
});

describe('tokens', () => {
  it('can be read only whole and only by their own sandbox', () => {
    const token = newToken();
    const key = sandbox.state.store.tokenKey;
    expect(decodeToken(key, token)).toMatchObject({ kind: 'user', principalId: '100000000000101' });
    expect(decodeToken(randomBytes(32), token)).toBeNull();
    for (let index = 3; index < token.length; index += 7) {
      const changed = `${token.slice(0, index)}${token[index] === 'A' ? 'B' : 'A'}${token.slice(index + 1)}`;
      expect(decodeToken(key, changed)).toBeNull();
    }
  });

  it('differ even where randomness stands still', async () => {
    const still = await start({ randomBytes: (size) => Buffer.alloc(size) });
    const tokens = Array.from({ length: 20 }, () => still.state.make.token({ userId: '100000000000101' }).accessToken);
    expect(new Set(tokens).size).toBe(20);
    await still.close();
  });
});

describe('environment()', () => {
  it('points every base at this sandbox', () => {
    const environment = sandbox.environment();
    expect(environment.META_GRAPH_URL).toBe(`${sandbox.url}/graph.facebook.com`);
    expect(environment.THREADS_DIALOG_URL).toBe(`${sandbox.url}/www.threads.com`);
    expect(environment.META_APP_ID).toMatch(/^\d{15,16}$/);
    expect(environment.META_APP_SECRET).toMatch(/^[0-9a-f]{32}$/);
  });

  it('names three apps, and the login configuration of Embedded Signup, which is the first app’s', () => {
    const environment = sandbox.environment();
    const ids = [environment.META_APP_ID, environment.INSTAGRAM_APP_ID, environment.THREADS_APP_ID];
    expect(new Set(ids).size).toBe(3);
    const id = environment.META_LOGIN_CONFIG_ID_WHATSAPP ?? '';
    expect(sandbox.state.appById(undefined).configurations[id]).toMatchObject({ tokenType: 'system_user' });
  });
});
