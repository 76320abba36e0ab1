import { parseLossless } from '../../../../src/meta/graph/lossless-json.ts';
import { readDebugToken } from '../../../../src/meta/tokens/inspection-result.ts';
import { HttpRequestError } from '../../../../src/platform/http-client/http-client.ts';
import { SecretString } from '../../../../src/platform/secret-string.ts';
import { type RecordedCase, readRecorded } from '../read-recorded.ts';
import {
  APP_SECRET,
  catchMetaError,
  graphError,
  META,
  type ScriptedResponse,
  type SentRequest,
  scriptedMeta,
  TOKEN,
} from '../scripted-meta.ts';

const ALIVE = {
  app_id: '1001',
  type: 'USER',
  is_valid: true,
  expires_at: 1800000000,
  data_access_expires_at: 0,
  scopes: ['pages_show_list'],
  granular_scopes: [{ scope: 'pages_show_list' }, { scope: 'instagram_basic', target_ids: ['17'] }],
  user_id: '42',
};
const alive = { body: { data: ALIVE } };
const dead = { body: { data: { app_id: '1001', is_valid: false, error: { code: 190, subcode: 467, message: 'x' } } } };

describe('one Facebook token', () => {
  it('is sent in a POST that stands for a GET, with the app token in the header', async () => {
    const meta = scriptedMeta(alive);
    await expect(meta.inspection.inspect('user', TOKEN)).resolves.toEqual({
      valid: true,
      appId: '1001',
      kind: 'user',
      userId: '42',
      subjectId: '42',
      subjectName: null,
      scopes: ['pages_show_list'],
      granularScopes: [
        { scope: 'pages_show_list', targetIds: null },
        { scope: 'instagram_basic', targetIds: ['17'] },
      ],
      issuedAt: null,
      expiresAt: new Date(1800000000_000),
      dataAccessExpiresAt: null,
    });
    const [request] = meta.sent;
    expect(request?.path).toBe(`graph.test/${META.graphApiVersion}/debug_token`);
    expect(request?.url.search).toBe('');
    expect(Object.fromEntries(request?.form ?? [])).toEqual({ method: 'get', input_token: TOKEN.expose() });
    expect(request?.authorization).toBe(`Bearer 1001|${APP_SECRET}`);
  });

  it.each([
    ['404 HTML', { status: 404, body: '<html>' }],
    ['another response', { body: { success: true } }],
    ['Unsupported post request', graphError(100, 33)],
  ])('falls back to the documented GET on %s, and remembers that', async (_, refusal) => {
    const meta = scriptedMeta((request) => (request.method === 'GET' ? alive : refusal));
    await meta.inspection.inspect('user', TOKEN);
    const before = meta.sent.length;
    await meta.inspection.inspect('user', TOKEN);
    expect(meta.sent).toHaveLength(before + 1);
    expect(meta.sent.at(-1)).toMatchObject({ method: 'GET' });
    expect(meta.sent.at(-1)?.url.searchParams.get('input_token')).toBe(TOKEN.expose());
  });

  it('is dead if Meta says so', async () => {
    await expect(scriptedMeta(dead).inspection.inspect('user', TOKEN)).resolves.toEqual({
      valid: false,
      reason: 'dead',
      verdict: { kind: 'dead', reason: 'logged_out' },
      meta: { code: 190, subcode: 467 },
    });
    const bare = scriptedMeta({ body: { data: { is_valid: false, scopes: [] } } });
    await expect(bare.inspection.inspect('user', TOKEN)).resolves.toMatchObject({ verdict: { reason: 'invalid' } });
  });

  it('is not dead if data.error is a temporary fault', async () => {
    const meta = scriptedMeta({ body: { data: { is_valid: false, error: { code: 2, message: 'x' } } } });
    expect((await catchMetaError(meta.inspection.inspect('user', TOKEN))).verdict).toEqual({ kind: 'transient' });
  });

  it.each([
    [graphError(190, 463), 'secret'],
    [graphError(1), 'secret'],
    [graphError(101), 'app'],
  ] as const)('says nothing of the token where our app is refused (%#)', async (step, what) => {
    const error = await catchMetaError(scriptedMeta(step).inspection.inspect('user', TOKEN));
    expect(error.verdict).toEqual({ kind: 'configuration', what });
  });

  it('belongs to another app if Meta names one, or rejects the token but knows our app', async () => {
    const named = scriptedMeta({ body: { data: { ...ALIVE, app_id: '666' } } });
    await expect(named.inspection.inspect('user', TOKEN)).resolves.toEqual({
      valid: false,
      reason: 'foreign_app',
      appId: '666',
    });
    const byApp = (step: ScriptedResponse) =>
      scriptedMeta((request) => (request.path.endsWith('/oauth/access_token') ? step : graphError(100)));
    const refused = byApp({ body: { access_token: '1001|x' } });
    await expect(refused.inspection.inspect('user', TOKEN)).resolves.toEqual({
      valid: false,
      reason: 'foreign_app',
      appId: null,
    });
    expect(refused.sent.some((request) => request.url.href.includes(APP_SECRET))).toBe(false);
    const unknown = await catchMetaError(byApp(graphError(101)).inspection.inspect('user', TOKEN));
    expect(unknown.verdict).toEqual({ kind: 'configuration', what: 'app' });
    const down = await catchMetaError(byApp(graphError(2, undefined, 500)).inspection.inspect('user', TOKEN));
    expect(down.verdict).toEqual({ kind: 'transient' });
  });

  it('reads every recording', () => {
    const kinds = readRecorded<{ cases: RecordedCase[] }>('debug_token_responses.json').cases.map(({ body }) => {
      const json = parseLossless(JSON.stringify(body)) ?? null;
      const appIds = ['100000000000', '1234567890', '{app-id}', 'appId', '210798282372757', '634974688087057'];
      const result = readDebugToken(json, { appIds, kind: 'unknown' });
      if (result === null || !('valid' in result)) return null;
      return result.valid ? `${result.kind} ${result.subjectId}` : result.reason;
    });
    expect(kinds).toEqual([
      'user 1207059',
      'user 1207059',
      'user 9876543212345',
      'user {user-id}',
      'page 123456789',
      'user userId',
      'user 100000000000001',
      'page 367989543259757',
      'not_a_credential',
      'dead',
      'system_user 104169029247128',
      null,
    ]);
  });
});

describe('Instagram and Threads', () => {
  it("of Instagram return both the account's id and the app-scoped one, digit by digit", async () => {
    const reported = async (body: string) => scriptedMeta({ body }).inspection.inspect('instagram_user', TOKEN);
    expect(await reported('{"user_id":17841400000000301,"username":"u","id":25000000000000302999}')).toMatchObject({
      userId: '17841400000000301',
      appScopedUserId: '25000000000000302999',
    });
    expect(await reported('{"data":[{"id":"9007199254740993","user_id":"17841400000000301"}]}')).toMatchObject({
      userId: '17841400000000301',
      appScopedUserId: '9007199254740993',
    });
    for (const body of ['{"user_id":"17841400000000301"}', '{"id":"17841400000000301"}']) {
      expect(await reported(body)).not.toHaveProperty('appScopedUserId');
    }
  });

  it("asks Instagram's /me with the token itself", async () => {
    const meta = scriptedMeta({ body: '{"data":[{"user_id":17841400000000001,"username":"u"}]}' });
    await expect(meta.inspection.inspect('instagram_user', TOKEN)).resolves.toMatchObject({
      valid: true,
      kind: 'instagram_user',
      userId: '17841400000000001',
      subjectName: 'u',
      scopes: null,
      expiresAt: 'unknown',
    });
    expect(meta.sent[0]).toMatchObject({
      path: `graph.instagram.test/${META.graphApiVersion}/me`,
      authorization: `Bearer ${TOKEN.expose()}`,
    });
  });

  it('treats only a 190 of /me as a verdict', async () => {
    const meta = scriptedMeta(graphError(190));
    await expect(meta.inspection.inspect('instagram_user', TOKEN)).resolves.toMatchObject({
      valid: false,
      reason: 'dead',
    });
    expect(
      (await catchMetaError(scriptedMeta(graphError(10, undefined, 403)).inspection.inspect('instagram_user', TOKEN)))
        .verdict.kind,
    ).toBe('permission');
  });

  it("uses Threads' debug_token, or /me if that fails", async () => {
    const own = scriptedMeta({ body: { data: { ...ALIVE, app_id: '3003' } } });
    await expect(own.inspection.inspect('threads_user', TOKEN)).resolves.toMatchObject({
      kind: 'threads_user',
      userId: '42',
    });
    expect(own.sent[0]?.authorization).toBe('Bearer TH|3003|th-secret-4711');
    const me = scriptedMeta((request) =>
      request.path.endsWith('/me') ? { body: { id: '7', username: 'u' } } : graphError(100),
    );
    await expect(me.inspection.inspect('threads_user', TOKEN)).resolves.toMatchObject({ userId: '7', scopes: null });
  });

  it('follows the prefix if the kind is unknown', async () => {
    const meta = scriptedMeta({ body: { user_id: '1' } });
    await meta.inspection.inspect('unknown', new SecretString('IGAAxyz'));
    expect(meta.sent[0]?.path).toBe(`graph.instagram.test/${META.graphApiVersion}/me`);
  });
});

describe('many tokens', () => {
  const many = (count: number) =>
    Array.from({ length: count }, (_, index) => ({ kind: 'user' as const, token: new SecretString(`EAAB${index}`) }));
  const itemsOf = (request: SentRequest): { relative_url: string }[] => JSON.parse(request.form.get('batch') ?? '[]');
  const item = (code: number, body: unknown) => ({ code, body: JSON.stringify(body) });

  it('go in batches of 50, with results in input order', async () => {
    const meta = scriptedMeta((request) => ({
      body: itemsOf(request).map(({ relative_url }) =>
        item(200, { data: { ...ALIVE, user_id: relative_url.split('EAAB')[1] } }),
      ),
    }));
    const results = await meta.inspection.inspectMany(many(120));
    expect(meta.sent.map((request) => itemsOf(request).length)).toEqual([50, 50, 20]);
    expect(meta.sent[0]?.url.search).toBe('');
    expect(results.map((entry) => entry.outcome === 'inspected' && entry.result.valid && entry.result.userId)).toEqual(
      Array.from({ length: 120 }, (_, index) => String(index)),
    );
  });

  it('separate missing, failed and dead tokens, and those that need a single call', async () => {
    const meta = scriptedMeta((request) =>
      request.form.has('batch')
        ? {
            body: [
              item(200, { data: ALIVE }),
              null,
              item(400, graphError(4).body),
              item(400, graphError(100).body),
              item(200, dead.body),
              item(503, '<html>'),
            ],
          }
        : alive,
    );
    const results = await meta.inspection.inspectMany(many(6));
    expect(results.map(({ outcome }) => outcome)).toEqual([
      'inspected',
      'missing',
      'failed',
      'inspected',
      'inspected',
      'failed',
    ]);
    expect(results[4]).toMatchObject({ result: { reason: 'dead' } });
    expect(meta.sent).toHaveLength(2);
  });

  it('go one by one if batches are refused, from then on without a batch', async () => {
    const meta = scriptedMeta((request) => (request.form.has('batch') ? graphError(100) : alive));
    expect((await meta.inspection.inspectMany(many(3))).every(({ outcome }) => outcome === 'inspected')).toBe(true);
    await meta.inspection.inspectMany(many(3));
    expect(meta.sent.filter((request) => request.form.has('batch'))).toHaveLength(1);
  });

  it('fail together on limits, outages and wrong app settings, without a storm of single calls', async () => {
    for (const step of [
      graphError(4),
      graphError(2, undefined, 500),
      new HttpRequestError('connect', false),
      { body: { error_code: 190 } },
    ]) {
      const meta = scriptedMeta(step);
      const results = await meta.inspection.inspectMany(many(10));
      expect(results.every(({ outcome }) => outcome === 'failed')).toBe(true);
      expect(meta.sent.length).toBeLessThanOrEqual(3);
    }
  });

  it('of other hosts go one by one, and a bad one stops no other', async () => {
    const meta = scriptedMeta((request) =>
      request.path.includes('instagram') ? graphError(2, undefined, 500) : alive,
    );
    const results = await meta.inspection.inspectMany([{ kind: 'instagram_user', token: TOKEN }, ...many(1)]);
    expect(results.map(({ outcome }) => outcome)).toEqual(['failed', 'inspected']);
    await expect(meta.inspection.inspectMany([])).resolves.toEqual([]);
  });
});
