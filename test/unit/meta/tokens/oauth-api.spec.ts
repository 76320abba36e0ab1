import type { TokenKind } from '../../../../src/config/products.ts';
import { HttpRequestError } from '../../../../src/platform/http-client/http-client.ts';
import { SecretString } from '../../../../src/platform/secret-string.ts';
import { type RecordedCase, readRecorded } from '../read-recorded.ts';
import { APP_SECRET, catchMetaError, graphError, META, NOW, scriptedMeta, TOKEN } from '../scripted-meta.ts';

const CODE = new SecretString('AQDcode');
const GRANT = { body: { access_token: 'EAABnew', token_type: 'bearer', expires_in: 5183944 } };
const END = new Date(NOW.getTime() + 5183944_000);

describe('code exchange', () => {
  it('at graph.facebook.com: everything in the body, no retry', async () => {
    const meta = scriptedMeta(GRANT);
    const granted = await meta.oauth.exchangeCode({
      flow: 'facebook_login',
      code: CODE,
      redirectUri: 'https://a.test/cb',
    });
    expect(granted.accessToken.expose()).toBe('EAABnew');
    expect(granted.expiresAt).toEqual(END);
    const [request] = meta.sent;
    expect(request?.path).toBe(`graph.test/${META.graphApiVersion}/oauth/access_token`);
    expect(request?.url.search).toBe('');
    expect(Object.fromEntries(request?.form ?? [])).toEqual({
      client_id: '1001',
      client_secret: APP_SECRET,
      grant_type: 'authorization_code',
      redirect_uri: 'https://a.test/cb',
      code: 'AQDcode',
    });
  });

  it('of the JS SDK: without redirect_uri, and with an empty one only if that is refused', async () => {
    const meta = scriptedMeta(graphError(100, 36008), GRANT);
    await meta.oauth.exchangeCode({ flow: 'embedded_signup', code: CODE, redirectUri: null });
    expect(meta.sent.map((request) => request.form.get('redirect_uri'))).toEqual([null, '']);
    const used = scriptedMeta(graphError(100, 36009));
    await catchMetaError(used.oauth.exchangeCode({ flow: 'embedded_signup', code: CODE, redirectUri: null }));
    expect(used.sent).toHaveLength(1);
    const dialog = scriptedMeta(graphError(100, 36008));
    await catchMetaError(
      dialog.oauth.exchangeCode({ flow: 'facebook_login', code: CODE, redirectUri: 'https://a.test/cb' }),
    );
    expect(dialog.sent).toHaveLength(1);
  });

  it('is not retried after a lost response', async () => {
    const meta = scriptedMeta(new HttpRequestError('timeout', true));
    const error = await catchMetaError(
      meta.oauth.exchangeCode({ flow: 'facebook_login', code: CODE, redirectUri: 'x' }),
    );
    expect(error).toMatchObject({ mayHaveCommitted: true, verdict: { kind: 'transient' }, networkReason: 'timeout' });
    expect(meta.sent).toHaveLength(1);
  });

  it.each([
    ['instagram_login', 'api.instagram.test/oauth/access_token', '2002'],
    ['threads_login', 'graph.threads.test/oauth/access_token', '3003'],
  ] as const)('%s', async (flow, path, clientId) => {
    const meta = scriptedMeta({ body: '{"access_token":"IGAA","user_id":17841400000000001,"permissions":["a","b"]}' });
    const granted = await meta.oauth.exchangeCode({ flow, code: CODE, redirectUri: 'https://a.test/cb' });
    expect(granted).toMatchObject({ metaUserId: '17841400000000001', scopes: ['a', 'b'], expiresAt: 'unknown' });
    expect(meta.sent[0]?.path).toBe(path);
    expect(meta.sent[0]?.form.get('client_id')).toBe(clientId);
  });

  it("gives Instagram's envelope an undisclosed reason", async () => {
    const body = { error_type: 'OAuthException', code: 400, error_message: 'Matching code was not found' };
    const meta = scriptedMeta({ status: 400, body });
    const error = await catchMetaError(
      meta.oauth.exchangeCode({ flow: 'instagram_login', code: CODE, redirectUri: 'x' }),
    );
    expect(error.verdict).toEqual({ kind: 'code_rejected', why: 'undisclosed' });
  });

  it('reads every recorded token response', async () => {
    for (const { body, body_text, endpoint } of readRecorded<{ cases: RecordedCase[] }>('token_responses.json').cases) {
      if (endpoint?.includes('client_business_id')) continue;
      const meta = scriptedMeta({ body: body_text ?? body });
      const granted = await meta.oauth.exchangeCode({ flow: 'facebook_login', code: CODE, redirectUri: 'x' });
      expect(granted.accessToken.length).toBeGreaterThan(0);
    }
  });
});

describe('long-lived and refreshed tokens', () => {
  it('of Facebook: by POST with the old token in the body, retried after a lost response', async () => {
    const meta = scriptedMeta(new HttpRequestError('timeout', true), GRANT);
    await meta.oauth.exchangeForLongLived('user', TOKEN);
    expect(meta.sent).toHaveLength(2);
    expect(meta.sent[1]?.url.search).toBe('');
    expect(meta.sent[1]?.form.get('fb_exchange_token')).toBe(TOKEN.expose());
  });

  it('of system users: for another 60 days', async () => {
    const meta = scriptedMeta(GRANT);
    await meta.oauth.refresh('system_user', TOKEN);
    expect(meta.sent[0]?.form.get('set_token_expires_in_60_days')).toBe('true');
  });

  it('never of Page tokens or unknown kinds: nothing is sent', async () => {
    const meta = scriptedMeta(GRANT);
    await expect(meta.oauth.refresh('page', TOKEN)).rejects.toThrow('Meta does not exchange tokens of kind page.');
    await expect(meta.oauth.exchangeForLongLived('page', TOKEN)).rejects.toThrow('of kind page');
    await expect(meta.oauth.refresh('catalog_user' as TokenKind, TOKEN)).rejects.toThrow(
      'Unknown kind of token "catalog_user"',
    );
    expect(meta.sent).toEqual([]);
  });

  it('a missing expires_in is unknown', async () => {
    const meta = scriptedMeta({ body: { access_token: 'x', token_type: 'bearer' } });
    expect((await meta.oauth.refresh('user', TOKEN)).expiresAt).toBe('unknown');
  });

  it.each([
    ['instagram_user', 'graph.instagram.test/refresh_access_token', 'ig_refresh_token'],
    ['threads_user', 'graph.threads.test/refresh_access_token', 'th_refresh_token'],
  ] as const)('%s: by GET, the token in the header', async (kind, path, grantType) => {
    const meta = scriptedMeta(GRANT);
    await meta.oauth.refresh(kind, TOKEN);
    expect(meta.sent[0]).toMatchObject({ method: 'GET', path, authorization: `Bearer ${TOKEN.expose()}` });
    expect(Object.fromEntries(meta.sent[0]?.url.searchParams ?? [])).toEqual({ grant_type: grantType });
  });

  it('falls back to the documented query, and remembers that', async () => {
    const meta = scriptedMeta((request) => (request.url.searchParams.has('access_token') ? GRANT : graphError(100)));
    await meta.oauth.exchangeForLongLived('instagram_user', TOKEN);
    await meta.oauth.exchangeForLongLived('instagram_user', TOKEN);
    expect(meta.sent.map((request) => request.authorization === undefined)).toEqual([false, true, true]);
    expect(meta.sent[1]?.url.searchParams.get('client_secret')).toBe('ig-secret-4711');
  });

  it('does not try another form for a dead token, throttling or an outage', async () => {
    for (const [step, tries] of [
      [graphError(190, 463), 1],
      [graphError(4), 1],
      [graphError(2, undefined, 500), 3],
    ] as const) {
      const meta = scriptedMeta(step);
      await catchMetaError(meta.oauth.refresh('instagram_user', TOKEN));
      expect(meta.sent).toHaveLength(tries);
    }
  });

  it("recognizes Instagram's wrong secret, which is code 100", async () => {
    const meta = scriptedMeta(graphError(100));
    const error = await catchMetaError(meta.oauth.exchangeForLongLived('instagram_user', TOKEN));
    expect(error.verdict).toEqual({ kind: 'configuration', what: 'secret' });
  });

  it('a 2xx without a token is no token', async () => {
    const error = await catchMetaError(scriptedMeta({ body: {} }).oauth.refresh('user', TOKEN));
    expect(error).toMatchObject({ verdict: { kind: 'transient' }, mayHaveCommitted: true });
  });
});
