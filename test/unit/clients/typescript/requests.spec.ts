import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { Metavault, RequestAttempt } from '../../../../clients/typescript/src/index.ts';
import { SYSTEM_RUNTIME } from '../../../../clients/typescript/src/runtime.ts';
import {
  API_KEY,
  hangingFetch,
  issuedLease,
  problem,
  type SentRequest,
  scriptService,
} from '../../../support/scripted-service.ts';

const SESSION = { tenant: 'acme', product: 'pages', flow: 'facebook_login' } as const;
const refused = (code = 'ECONNRESET') => Object.assign(new TypeError('fetch failed'), { cause: { code } });
/** Gives these answers in turn, and then always the last one. */
const inTurn = (...answers: (() => Response | Error)[]) => {
  let next = 0;
  return () => (answers[Math.min(next++, answers.length - 1)] as () => Response | Error)();
};
const ok = () => Response.json({ data: [], next_cursor: null });

describe('a repeat', () => {
  const unavailable = () => problem(503, 'database_unavailable', { 'retry-after': '2' });

  it.each<[string, (client: Metavault) => Promise<unknown>]>([
    ['a GET', (client) => client.connections.list()],
    ['a DELETE', (client) => client.leases.end('lse_1')],
    ['a POST with an Idempotency-Key', (client) => client.connectSessions.create(SESSION)],
    ['a request for a lease', (client) => client.leases.issue({ tenant: 'acme', product: 'pages' })],
  ])('is sent for %s', async (_, call) => {
    for (const failure of [unavailable, () => refused(), () => new Response('<html>', { status: 502 })]) {
      const { client, sent } = scriptService(inTurn(failure, failure, ok));
      await call(client);
      expect(sent).toHaveLength(3);
      expect(new Set(sent.map(({ headers }) => headers.get('idempotency-key'))).size).toBe(1);
    }
  });

  it.each<[string, (client: Metavault) => Promise<unknown>]>([
    ['a POST that does something each time', (client) => client.connections.refresh('con_1')],
    ['a PATCH', (client) => client.subscriptions.update('sub_1', { events: ['connection.created'] })],
  ])('is not sent for %s', async (_, call) => {
    const { client, sent } = scriptService(inTurn(unavailable, ok));
    await expect(call(client)).rejects.toMatchObject({ code: 'database_unavailable' });
    expect(sent).toHaveLength(1);
  });

  it.each([
    ['a refusal', () => problem(404, 'connection_not_found')],
    ['what will not pass', () => problem(503, 'credential_unreadable')],
    ['a conflict', () => problem(409, 'reauth_required')],
    ['a bug', () => problem(500, 'internal_error')],
    ['a longer wait than allowed', () => problem(503, 'refresh_pending', { 'retry-after': '21' })],
  ])('is not sent after %s', async (_, answer) => {
    const { client, sent } = scriptService(answer);
    await expect(client.connections.get('con_1')).rejects.toMatchObject({ name: 'MetavaultError' });
    expect(sent).toHaveLength(1);
  });

  it('waits as long as Retry-After says, with full jitter on top that doubles', async () => {
    const patient = scriptService(unavailable, { attempts: 8 }, () => 1);
    await expect(patient.client.connections.list()).rejects.toMatchObject({ retryAfter: 2 });
    expect(patient.pauses).toEqual([2400, 2800, 3600, 5200, 8400, 10_000, 10_000]);
    const lucky = scriptService(
      () => refused(),
      {},
      () => 0,
    );
    await expect(lucky.client.connections.list()).rejects.toMatchObject({ code: 'unreachable' });
    expect(lucky.pauses).toEqual([0, 0, 0, 0]);
  });
});

describe('an Idempotency-Key', () => {
  const { paths } = JSON.parse(
    readFileSync(path.join(import.meta.dirname, '../../../../docs/openapi.json'), 'utf8'),
  ) as {
    paths: Record<string, { post?: { parameters?: { name: string }[] } }>;
  };
  const posts = Object.entries(paths).filter(([name, { post }]) => post !== undefined && name.startsWith('/v1/'));

  it.each(posts)('is sent with POST %s if the API document names it', async (name, { post }) => {
    const { client, sent } = scriptService(ok);
    const input = { path: { id: '1', phone_number_id: '2', app_id: '3' }, body: {}, idempotencyKey: 'mine' };
    await client.request('post', name as '/v1/leases', input as never);
    const isNamed = post?.parameters?.some((parameter) => parameter.name === 'Idempotency-Key') === true;
    expect(sent[0]?.headers.get('idempotency-key')).toBe(isNamed ? 'mine' : null);
  });
});

describe('a request', () => {
  it('fills and encodes path and query, and follows pages', async () => {
    const pages = inTurn(
      () => Response.json({ data: [{ id: 'a' }], next_cursor: 'n/1' }),
      () => Response.json({ data: [{ id: 'b' }], next_cursor: null }),
    );
    const { client, sent } = scriptService(pages);
    const ids: string[] = [];
    for await (const { id } of client.connections.assets('con/1', { q: 'a&b' })) ids.push(id);
    expect(ids).toEqual(['a', 'b']);
    expect(sent.map(({ url }) => url.pathname + url.search)).toEqual([
      '/v1/connections/con%2F1/assets?q=a%26b',
      '/v1/connections/con%2F1/assets?q=a%26b&cursor=n%2F1',
    ]);
  });

  it.each(['', '.', '..'])('refuses the id %j, which would lead to another path', async (id) => {
    const { client, sent } = scriptService(ok);
    await expect(client.connections.get(id)).rejects.toThrow(TypeError);
    expect(sent).toEqual([]);
  });

  it('asks for a token of the issuer for each attempt', async () => {
    let asked = 0;
    const answers = inTurn(() => refused(), ok);
    const { client, sent } = scriptService(answers, { apiKey: async () => `token-${++asked}` });
    await client.connections.list();
    expect(sent.map(({ headers }) => headers.get('authorization'))).toEqual(['Bearer token-1', 'Bearer token-2']);
  });

  it('ends with its signal', async () => {
    const reason = new Error('enough');
    const abort = new AbortController();
    const { client } = scriptService(ok, { fetch: hangingFetch });
    const call = client.connections.list({}, { signal: abort.signal });
    abort.abort(reason);
    await expect(call).rejects.toBe(reason);
  });

  it('ends with its signal in a pause, too', async () => {
    const reason = new Error('enough');
    const abort = new AbortController();
    const pause = SYSTEM_RUNTIME.sleep(1e9, abort.signal);
    abort.abort(reason);
    await expect(pause).rejects.toBe(reason);
  });

  it('ends in time, which counts as no answer', async () => {
    const { client, pauses } = scriptService(ok, { timeoutMs: 1, attempts: 2, fetch: hangingFetch });
    const timeout = { name: 'UnreachableError', code: 'timeout', status: null };
    await expect(client.connections.list()).rejects.toMatchObject(timeout);
    expect(pauses).toHaveLength(1);
  });

  it('tells hooks of every attempt, and sends what they add', async () => {
    const seen: unknown[] = [];
    const { client, sent } = scriptService(
      inTurn(
        () => refused(),
        () => ok(),
      ),
      {
        hooks: {
          onRequest: (attempt: RequestAttempt) => {
            attempt.headers['traceparent'] = `trace-${attempt.attempt}`;
            attempt.headers['Authorization'] = 'none';
          },
          onResponse: ({ method, path: called, attempt }, { status }) => seen.push([method, called, attempt, status]),
        },
      },
    );
    await client.connections.list({ tenant: 'acme' });
    expect(seen).toEqual([
      ['GET', '/v1/connections', 1, null],
      ['GET', '/v1/connections', 2, 200],
    ]);
    expect(sent.map(({ headers }) => headers.get('traceparent'))).toEqual(['trace-1', 'trace-2']);
    expect(sent[1]?.headers.get('authorization')).toBe(`Bearer ${API_KEY}`);
  });

  it('asks once for a lease that many wait for, and lets one of them go', async () => {
    let answer = (_: Response): void => {};
    const { client, sent } = scriptService((_: SentRequest) => new Promise<Response>((resolve) => (answer = resolve)));
    const abort = new AbortController();
    const target = { tenant: 'acme', product: 'pages' } as const;
    const gone = client.leases.for(target, { signal: abort.signal });
    const stays = client.leases.for({ ...target });
    abort.abort(new Error('enough'));
    await expect(gone).rejects.toThrow('enough');
    answer(issuedLease(1));
    expect((await stays).id).toBe('lse_1');
    expect(sent).toHaveLength(1);
  });
});
