import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Sandbox } from '../../../src/sandbox/sandbox.ts';
import {
  at,
  call,
  dialogCode,
  exchange,
  form,
  type Reply,
  redirectUri,
  start,
  startedAt,
  textAt,
} from './sandbox-harness.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await start();
});
afterAll(() => sandbox.close());

interface RecordedError {
  status: number | null;
  headers?: Record<string, string>;
  body: { error?: { message: string; type: string; code: number; error_subcode?: number } };
}
const file = new URL('../../support/recorded/error_bodies_reported.json', import.meta.url);
const recorded = (JSON.parse(readFileSync(file, 'utf8')) as { cases: RecordedError[] }).cases;

/** Expects exactly the reported response with this message, and an fbtrace_id. */
function expectRecorded(reply: Reply, message: string): void {
  const found = recorded.find((one) => one.body.error?.message === message);
  if (found === undefined) throw new Error(`no recorded error ${message}`);
  expect(reply.status).toBe(found.status);
  expect(reply.json).toEqual({ error: { ...found.body.error, fbtrace_id: expect.stringMatching(/^A[\w-]{22}$/) } });
  const header = found.headers?.['WWW-Authenticate'];
  if (header !== undefined) expect(reply.headers.get('www-authenticate')).toBe(header);
}

describe('code exchange (docs/meta-facts.md#code-exchange)', () => {
  it('gives a short user token for a good code, by GET and by POST', async () => {
    const got = await exchange(sandbox, { code: await dialogCode(sandbox), redirect_uri: redirectUri });
    expect(got.status).toBe(200);
    expect(got.json).toEqual({
      access_token: expect.stringMatching(/^EAA[A-Za-z0-9]+$/),
      token_type: 'bearer',
      expires_in: 5400,
    });
    expect(textAt(got, 'access_token').length).toBeGreaterThanOrEqual(180);
    expect(textAt(got, 'access_token').length).toBeLessThanOrEqual(290);
    const posted = await call(
      `${sandbox.url}/graph.facebook.com/v26.0/oauth/access_token`,
      form({
        client_id: sandbox.app.id,
        client_secret: sandbox.app.secret,
        code: await dialogCode(sandbox),
        redirect_uri: redirectUri,
      }),
    );
    expect(posted.status).toBe(200);
  });

  it('refuses a code the second time, with the recorded body and header', async () => {
    const code = await dialogCode(sandbox);
    await exchange(sandbox, { code, redirect_uri: redirectUri });
    expectRecorded(
      await exchange(sandbox, { code, redirect_uri: redirectUri }),
      'This authorization code has been used.',
    );
    expect(sandbox.state.log.exchangesOf(code)).toBe(1);
  });

  it('refuses a code that is too old', async () => {
    const own = await start();
    const code = await dialogCode(own);
    own.state.advanceClock(601);
    expectRecorded(await exchange(own, { code, redirect_uri: redirectUri }), 'This authorization code has expired.');
    await own.close();
  });

  it('refuses another redirect_uri, and leaves the code unspent', async () => {
    const code = await dialogCode(sandbox);
    const differing =
      'Error validating verification code. Please make sure your redirect_uri is identical to the one you used in the OAuth dialog request';
    expectRecorded(await exchange(sandbox, { code, redirect_uri: `${redirectUri}/` }), differing);
    expect((await exchange(sandbox, { code, redirect_uri: redirectUri })).status).toBe(200);
  });

  it.each([
    ['garbage code', { code: 'nonsense', redirect_uri: redirectUri }, 'Invalid verification code format.'],
    ['no redirect_uri', { code: 'x', redirect_uri: undefined }, 'Missing redirect_uri parameter.'],
    ['empty redirect_uri', { code: 'x', redirect_uri: '' }, 'Missing redirect_uri parameter.'],
    [
      'relative redirect_uri',
      { code: 'x', redirect_uri: '/callback' },
      "redirect_uri isn't an absolute URI. Check RFC 3986.",
    ],
    ['no client_id', { client_id: undefined }, 'Missing client_id parameter.'],
    ['wrong secret', { client_secret: 'f'.repeat(32) }, 'Error validating client secret.'],
    ['no secret', { client_secret: undefined }, 'Error validating client secret.'],
    [
      'unknown app',
      { client_id: '999999999999999' },
      'Error validating application. Cannot get application info due to a system error.',
    ],
    ['bad app id', { client_id: '12' }, 'Error validating application. Invalid application ID.'],
  ])('refuses: %s', async (_what, query, message) => {
    expectRecorded(await exchange(sandbox, query), message);
  });

  it('answers 500 to a client_id that is no number', async () => {
    const reply = await exchange(sandbox, { client_id: 'abc' });
    expect(reply.status).toBe(500);
    expect(reply.json).toMatchObject({ error: { code: 1, message: 'An unknown error has occurred.' } });
  });

  it('refuses the Instagram app id on graph.facebook.com', async () => {
    const reply = await exchange(sandbox, {
      client_id: sandbox.app.instagramAppId,
      client_secret: sandbox.app.instagramAppSecret,
    });
    expect(at(reply, 'error.code')).toBe(101);
  });

  describe('codes of the JS SDK', () => {
    const code = () => sandbox.state.make.code({ userId: '100000000000101', fromSdk: true });

    it('take no redirect_uri, or an empty one, and no other', async () => {
      expect((await exchange(sandbox, { code: code() })).status).toBe(200);
      expect((await exchange(sandbox, { code: code(), redirect_uri: '' })).status).toBe(200);
      const other = await exchange(sandbox, { code: code(), redirect_uri: redirectUri });
      expect(at(other, 'error.error_subcode')).toBe(36008);
    });

    it('live for 30 seconds', async () => {
      const own = await start();
      const late = own.state.make.code({ userId: '100000000000101', fromSdk: true });
      own.state.advanceClock(29);
      const inTime = own.state.make.code({ userId: '100000000000101', fromSdk: true });
      own.state.advanceClock(1);
      expect(at(await exchange(own, { code: late }), 'error.error_subcode')).toBe(36007);
      expect((await exchange(own, { code: inTime })).status).toBe(200);
      await own.close();
    });
  });

  it('gives an app token for client_credentials, good wherever id|secret is', async () => {
    const opaque = textAt(await exchange(sandbox, { grant_type: 'client_credentials' }), 'access_token');
    expect(opaque).toMatch(new RegExp(`^${sandbox.app.id}\\|[\\w-]+$`));
    const made = sandbox.state.make.token({ userId: '100000000000101' });
    for (const token of [opaque, `${sandbox.app.id}|${sandbox.app.secret}`]) {
      const seen = await call(
        `${sandbox.url}/graph.facebook.com/debug_token?${new URLSearchParams({ input_token: made.accessToken, access_token: token })}`,
      );
      expect(at(seen, 'data.is_valid')).toBe(true);
    }
  });
});

describe('fb_exchange_token (docs/meta-facts.md#long-lived-user-tokens, docs/meta-facts.md#system-users)', () => {
  const swap = (token: string, more: Record<string, string> = {}) =>
    exchange(sandbox, { grant_type: 'fb_exchange_token', fb_exchange_token: token, ...more });

  it('makes a long token of a short one; the short one stays valid', async () => {
    const short = textAt(
      await exchange(sandbox, { code: await dialogCode(sandbox), redirect_uri: redirectUri }),
      'access_token',
    );
    const long = await swap(short);
    expect(long.json).toEqual({ access_token: expect.any(String), token_type: 'bearer', expires_in: 5183944 });
    expect(textAt(long, 'access_token')).not.toBe(short);
    expect(sandbox.state.tokens.view(short)?.death).toBeNull();
    expect(sandbox.state.log.exchangesOf(short)).toBe(1);
  });

  it('refuses an expired token with 190/463 and the Pacific times of the recording', async () => {
    const own = await start({ now: () => Date.parse('2021-07-30T13:41:07Z') });
    const { accessToken } = own.state.make.token({ userId: '100000000000101' });
    own.state.expireToken(accessToken, Date.parse('2021-07-29T17:00:00Z'));
    const reply = await exchange(own, { grant_type: 'fb_exchange_token', fb_exchange_token: accessToken });
    expectRecorded(
      reply,
      'Error validating access token: Session has expired on Thursday, 29-Jul-21 10:00:00 PDT. The current time is Friday, 30-Jul-21 06:41:07 PDT.',
    );
    await own.close();
  });

  it('refuses garbage, cut-off tokens and page tokens', async () => {
    const { accessToken } = sandbox.state.make.token({ userId: '100000000000101' });
    for (const bad of ['garbage', accessToken.slice(0, -5), `${accessToken.slice(0, -6)}AAAAAA`]) {
      expect(at(await swap(bad), 'error.code')).toBe(190);
    }
    const page = sandbox.state.make.token({ userId: '100000000000101', pageId: '200000000000201' });
    expect(at(await swap(page.accessToken), 'error.code')).toBe(190);
  });

  it('gives the same string within a day when switched so', async () => {
    const own = await start();
    own.state.patchSettings({ oneFreshTokenPerDay: true });
    const { accessToken } = own.state.make.token({ userId: '100000000000101' });
    const query = { grant_type: 'fb_exchange_token', fb_exchange_token: accessToken };
    const first = textAt(await exchange(own, query), 'access_token');
    expect(textAt(await exchange(own, query), 'access_token')).toBe(first);
    own.state.advanceClock(86_400);
    expect(textAt(await exchange(own, query), 'access_token')).not.toBe(first);
    await own.close();
  });

  it('keeps system-user tokens endless unless sixty days are asked for', async () => {
    const business = sandbox.state.make.business();
    const system = sandbox.state.make.user({ kind: 'system_user', businessId: business.id });
    const { accessToken } = sandbox.state.make.token({ userId: system.id, expiresIn: 5_184_000 });
    const sixty = await swap(accessToken, { set_token_expires_in_60_days: 'true' });
    expect(at(sixty, 'expires_in')).toBe(5_184_000);
    expect((await swap(accessToken)).json).toEqual({ access_token: expect.any(String), token_type: 'bearer' });
    business.requiresExpiry = true;
    expect(at(await swap(accessToken), 'error.code')).toBe(100);
  });

  it('speaks for the clock it is given', async () => {
    const made = sandbox.state.make.token({ userId: '100000000000101', expiresIn: 60 });
    expect(made.expiresAt).toBe(startedAt + 60_000);
  });
});

describe('oauth/revoke (docs/meta-facts.md#system-users)', () => {
  it('kills the given token by another of the same system user, and no one else may', async () => {
    const system = sandbox.state.make.user({ kind: 'system_user', businessId: '300000000000401' });
    const old = sandbox.state.make.token({ userId: system.id }).accessToken;
    const other = sandbox.state.make.token({ userId: system.id }).accessToken;
    const outsider = sandbox.state.make.user();
    const stranger = sandbox.state.make.token({ userId: outsider.id }).accessToken;
    const revoke = (token: string) =>
      call(
        `${sandbox.url}/graph.facebook.com/v26.0/oauth/revoke?${new URLSearchParams({
          client_id: sandbox.app.id,
          client_secret: sandbox.app.secret,
          revoke_token: old,
          access_token: token,
        })}`,
      );
    expect((await revoke(stranger)).status).toBe(403);
    expect(sandbox.state.tokens.view(old)?.death).toBeNull();
    expect((await revoke(other)).json).toEqual({ success: true });
    expect(sandbox.state.tokens.view(old)?.death?.code).toBe(190);
    expect(sandbox.state.tokens.view(other)?.death).toBeNull();
  });
});
