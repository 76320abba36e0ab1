import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Database } from '../../src/database/database.ts';
import { ConsoleBrowser, callWithKey, OWN_ORIGIN } from '../support/console-test-context.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { freePort } from '../support/http-listener.ts';
import { type ProviderBrowser, startOpenIdProvider, type TestOpenIdProvider } from '../support/openid-provider.ts';
import { captureLog, startTestReplica, type TestReplica } from '../support/test-replica.ts';

const CURRENT = '/v1/console/sessions/current';
const SIGN_IN = '/console/sign-in/oidc';
const ATTEMPT_COOKIE = '__Host-metavault_console_sign_in';

/** Starts each test at the real time, which the provider uses. */
const clock = new FakeClock();
const log = captureLog();
let provider: TestOpenIdProvider;
let replica: TestReplica;
let second: TestReplica;

beforeAll(async () => {
  provider = await startOpenIdProvider();
  provider.people
    .set('ada', { name: 'Ada Lovelace', groups: ['staff', 'vault-admins'] })
    .set('grace', { name: 'Grace Hopper', groups: ['support'], tenants: ['acme', 'not a tenant'] })
    .set('alan', { name: 'Alan Turing', groups: ['vault-auditors'] })
    .set('eve', { name: 'Eve', groups: ['staff'] });
  clock.set(new Date());
  const options = { environment: provider.environment(), overrides: { clock, logger: log.logger } };
  replica = await startTestReplica(options);
  second = await startTestReplica({ ...options, databaseUrl: replica.databaseUrl });
});
// Entries are ordered by their milliseconds, and tests move the clock.
beforeEach(() => clock.set(new Date()));
afterAll(async () => {
  await second?.close();
  await replica?.close();
  await provider?.close();
});

interface Visitor {
  console: ConsoleBrowser;
  atProvider: ProviderBrowser;
}

const visit = (on = replica): Visitor => ({ console: new ConsoleBrowser(on), atProvider: provider.openBrowser() });

/** Goes to the provider, as `sub`. Returns the path of the callback. */
async function goToProvider(visitor: Visitor, sub: string | null, query = ''): Promise<string> {
  provider.next = sub;
  const begun = await visitor.console.send('get', `${SIGN_IN}${query}`);
  expect(begun.status).toBe(302);
  const callback = await visitor.atProvider.open(begun.headers['location'] as string);
  expect(callback).toMatch(new RegExp(`^${OWN_ORIGIN}${SIGN_IN}/callback\\?`));
  return callback.slice(OWN_ORIGIN.length);
}

/** Signs in. Returns where the browser ends. */
async function signIn(visitor: Visitor, sub: string | null, query = ''): Promise<string> {
  const finished = await visitor.console.send('get', await goToProvider(visitor, sub, query));
  expect([finished.status, finished.headers['cache-control']]).toEqual([303, 'no-store']);
  return finished.headers['location'] as string;
}

const errorOf = (code: string): string => `${OWN_ORIGIN}/console?sign_in_error=${code}`;

/** The latest entry until now: other tests have left later ones. */
async function lastEntry(action: string): Promise<unknown> {
  const [entry] = await replica.app.get(Database).rows<Record<string, unknown>>({
    text: 'SELECT action, actor_kind, actor_id, details FROM audit_entry WHERE action = $1 AND at <= $2 ORDER BY id DESC LIMIT 1',
    values: [action, clock.now()],
  });
  return entry;
}
const lastRefusal = (): Promise<unknown> => lastEntry('access.refused');

describe('signing in with the identity provider', () => {
  it('is offered by its name', async () => {
    const response = await new ConsoleBrowser(replica).send('get', '/v1/console/sign-in');
    expect(response.body.methods.oidc).toEqual({ name: 'Example ID' });
  });

  it('gives an admin a session, with code flow, PKCE, state and nonce', async () => {
    const visitor = visit();
    provider.next = 'ada';
    const begun = await visitor.console.send('get', `${SIGN_IN}?return_to=/console/clients?q=1`);
    const { searchParams } = new URL(begun.headers['location'] as string);
    expect(Object.fromEntries(searchParams)).toMatchObject({
      response_type: 'code',
      scope: 'openid profile email',
      code_challenge_method: 'S256',
      redirect_uri: `${OWN_ORIGIN}${SIGN_IN}/callback`,
      state: expect.stringMatching(/^[\w-]{43}$/),
      nonce: expect.stringMatching(/^[\w-]{43}$/),
    });
    expect(begun.headers['set-cookie']?.[0]).toMatch(
      /^__Host-metavault_console_sign_in=.+; Max-Age=600; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
    );
    const callback = await visitor.atProvider.open(begun.headers['location'] as string);
    const finished = await visitor.console.send('get', callback.slice(OWN_ORIGIN.length));
    expect([finished.status, finished.headers['location']]).toEqual([303, `${OWN_ORIGIN}/console/clients?q=1`]);
    expect(visitor.console.cookies.has(ATTEMPT_COOKIE)).toBe(false);
    const current = await visitor.console.send('get', CURRENT);
    expect(current.body).toMatchObject({ name: 'Ada Lovelace', role: 'admin', tenants: ['*'], method: 'oidc' });
    expect(Math.abs(Date.parse(current.body.authenticated_at) - Date.now())).toBeLessThan(60_000);
    const code = new URL(callback).searchParams.get('code') ?? 'none';
    expect(log.text()).not.toContain(code);
    expect(await lastEntry('console.signed_in')).toMatchObject({
      actor_kind: 'person',
      actor_id: 'ada',
      details: { method: 'oidc', person: { name: 'Ada Lovelace', session_id: current.body.id } },
    });
  });

  it('begins on one replica and ends on another', async () => {
    const visitor = visit();
    const callback = await goToProvider(visitor, 'ada');
    const elsewhere = new ConsoleBrowser(second);
    for (const [name, value] of visitor.console.cookies) elsewhere.cookies.set(name, value);
    expect((await elsewhere.send('get', callback)).headers['location']).toBe(`${OWN_ORIGIN}/console`);
    expect((await elsewhere.send('get', CURRENT)).body.name).toBe('Ada Lovelace');
  });

  it('takes role and tenants from the claims', async () => {
    const visitor = visit();
    await signIn(visitor, 'grace');
    expect((await visitor.console.send('get', CURRENT)).body).toMatchObject({ role: 'auditor', tenants: ['acme'] });
    expect((await visitor.console.send('post', '/v1/clients', { name: 'x', role: 'admin' })).body.code).toBe(
      'forbidden',
    );
  });

  it.each([
    ['eve', 'role_missing'],
    ['alan', 'tenants_missing'],
  ])('refuses %s in words, and records it: %s', async (sub, code) => {
    const visitor = visit();
    expect(await signIn(visitor, sub)).toBe(errorOf(code));
    expect(visitor.console.session).toBe('');
    expect(await lastRefusal()).toMatchObject({ details: { reason: code, subject: sub, method: 'oidc' } });
  });

  it('says when the person declined', async () => {
    expect(await signIn(visit(), null)).toBe(errorOf('access_denied'));
  });

  it('ends the session that the browser had', async () => {
    const visitor = visit();
    await signIn(visitor, 'ada');
    const first = visitor.console.session;
    await signIn(visitor, 'ada');
    expect(visitor.console.session).not.toBe(first);
    const old = new ConsoleBrowser(second);
    old.cookies.set('__Host-metavault_console', first);
    expect((await old.send('get', CURRENT)).status).toBe(401);
  });

  it('says where to sign out at the provider', async () => {
    const visitor = visit();
    await signIn(visitor, 'ada');
    const { sign_out_url: url } = (await visitor.console.send('delete', CURRENT)).body;
    expect(url).toMatch(new RegExp(`^${provider.url}/session/end\\?`));
    expect(Object.fromEntries(new URL(url).searchParams)).toEqual({
      client_id: 'metavault-console',
      post_logout_redirect_uri: `${OWN_ORIGIN}/console`,
    });
  });
});

describe('a callback', () => {
  it('signs nobody in without the cookie of its attempt (login CSRF), nor twice', async () => {
    const visitor = visit();
    const callback = await goToProvider(visitor, 'ada');
    const victim = new ConsoleBrowser(replica);
    const foreign = await victim.send('get', callback);
    expect([foreign.headers['location'], victim.session]).toEqual([errorOf('attempt_missing'), '']);
    const attempt = visitor.console.cookies.get(ATTEMPT_COOKIE) ?? '';
    await visitor.console.send('get', callback);
    expect(visitor.console.session).not.toBe('');
    const again = await visitor.console.send('get', callback);
    expect(again.headers['location']).toBe(errorOf('attempt_missing'));
    const thief = new ConsoleBrowser(replica);
    thief.cookies.set(ATTEMPT_COOKIE, attempt);
    expect((await thief.send('get', callback)).headers['location']).toBe(errorOf('response_rejected'));
    expect(thief.session).toBe('');
  });

  it('signs nobody in with the state of another attempt, or with a cookie that was changed', async () => {
    const [one, two] = [visit(), visit()];
    const [callback] = [await goToProvider(one, 'ada'), await goToProvider(two, 'grace')];
    expect((await two.console.send('get', callback)).headers['location']).toBe(errorOf('response_rejected'));
    const cookie = one.console.cookies.get(ATTEMPT_COOKIE) ?? '';
    const parts = cookie.split('.');
    parts[4] = Buffer.from('/console/elsewhere').toString('base64url');
    one.console.cookies.set(ATTEMPT_COOKIE, parts.join('.'));
    expect((await one.console.send('get', callback)).headers['location']).toBe(errorOf('attempt_missing'));
  });

  it('signs nobody in after ten minutes', async () => {
    const visitor = visit();
    const callback = await goToProvider(visitor, 'ada');
    clock.advance(601);
    expect((await visitor.console.send('get', callback)).headers['location']).toBe(errorOf('attempt_expired'));
    clock.set(new Date());
  });
});

describe('return_to', () => {
  it.each([
    'https://evil.example/console/',
    '//evil.example/console/',
    '/\\evil.example/console',
    '/console/../v1/clients',
    '/console/%2e%2e/graph',
    '/consoles',
    '/v1/clients',
    'console',
    '/console/sign-in/oidc',
    'javascript:alert(1)',
  ])('refuses %s', async (address) => {
    const response = await new ConsoleBrowser(replica).send(
      'get',
      `${SIGN_IN}?return_to=${encodeURIComponent(address)}`,
    );
    expect([response.status, response.body.code, response.headers['location']]).toEqual([
      400,
      'invalid_request',
      undefined,
    ]);
  });

  it('leads to pages of the console only', async () => {
    expect(await signIn(visit(), 'ada', '?return_to=/console')).toBe(`${OWN_ORIGIN}/console`);
  });
});

describe('what can not be undone', () => {
  const deleteClient = async (visitor: Visitor): Promise<unknown[]> => {
    const { body } = await callWithKey(replica, 'post', '/v1/clients', { name: 'doomed', role: 'auditor' });
    const response = await visitor.console.send('delete', `/v1/clients/${body.id}`);
    return [response.status, response.body.code];
  };

  it('needs a sign-in of the last five minutes, which the provider proves', async () => {
    clock.set(new Date());
    const visitor = visit();
    await signIn(visitor, 'ada');
    expect(await deleteClient(visitor)).toEqual([204, undefined]);
    clock.advance(330);
    expect(await deleteClient(visitor)).toEqual([403, 'fresh_sign_in_required']);
    expect((await visitor.console.send('delete', '/v1/keys/kek_01k7gm2v9s8x4d0c6b5a3n1f2e')).body.code).toBe(
      'fresh_sign_in_required',
    );
    expect((await visitor.console.send('get', '/v1/clients')).status).toBe(200);
    clock.set(new Date());
    expect(await signIn(visitor, 'ada', '?fresh=true&return_to=/console/clients')).toBe(
      `${OWN_ORIGIN}/console/clients`,
    );
    clock.advance(200);
    expect(await deleteClient(visitor)).toEqual([204, undefined]);
  });

  it('needs one for more than a few revocations, too', async () => {
    clock.set(new Date());
    const visitor = visit();
    await signIn(visitor, 'ada');
    clock.advance(330);
    const codes: unknown[] = [];
    for (let count = 0; count < 5; count++)
      codes.push((await visitor.console.send('delete', '/v1/connections/con_01k7gm2v9s8x4d0c6b5a3n1f2e')).body.code);
    const [few, more] = ['connection_not_found', 'fresh_sign_in_required'];
    expect(codes).toEqual([few, few, few, more, more]);
    clock.set(new Date());
  });

  it('needs one to revoke many at once, which then is good for hundreds of them', async () => {
    clock.set(new Date());
    const visitor = visit();
    await signIn(visitor, 'ada');
    clock.advance(330);
    const revokeHundred = () => {
      const ids = Array.from({ length: 100 }, () => 'con_01k7gm2v9s8x4d0c6b5a3n1f2e');
      return visitor.console.send('post', '/v1/connections/revoke', { ids });
    };
    expect((await revokeHundred()).body.code).toBe('fresh_sign_in_required');
    clock.set(new Date());
    await signIn(visitor, 'ada', '?fresh=true');
    for (let count = 0; count < 5; count++) {
      const { status, body } = await revokeHundred();
      expect([status, body.results.length]).toEqual([200, 100]);
    }
  });

  it('is not opened by a provider that takes an older login', async () => {
    clock.set(new Date());
    const visitor = visit();
    await signIn(visitor, 'ada');
    clock.advance(120);
    const begun = await visitor.console.send('get', `${SIGN_IN}?fresh=true`);
    const address = new URL(begun.headers['location'] as string);
    expect([address.searchParams.get('max_age'), address.searchParams.get('prompt')]).toEqual(['0', 'login']);
    address.searchParams.set('max_age', '100000');
    address.searchParams.delete('prompt');
    const callback = await visitor.atProvider.open(address.href);
    const finished = await visitor.console.send('get', callback.slice(OWN_ORIGIN.length));
    expect(finished.headers['location']).toBe(errorOf('sign_in_not_fresh'));
    clock.set(new Date());
  });
});

describe('a person whose groups change', () => {
  it('has the old role until the session ends, as soon as the setting says, and then the new one', async () => {
    clock.set(new Date());
    const environment = { ...provider.environment(), CONSOLE_OIDC_SESSION_MINUTES: '30' };
    const overrides = { clock, logger: log.logger };
    const other = await startTestReplica({ environment, overrides, databaseUrl: replica.databaseUrl });
    try {
      provider.people.set('joan', { name: 'Joan Clarke', groups: ['vault-admins'] });
      const visitor = visit(other);
      await signIn(visitor, 'joan');
      provider.people.set('joan', { name: 'Joan Clarke', groups: ['support'], tenants: ['acme'] });
      const current = () => visitor.console.send('get', CURRENT);
      const { body } = await current();
      expect(Date.parse(body.expires_at) - Date.parse(body.signed_in_at)).toBe(30 * 60_000);
      clock.advance(29 * 60);
      expect((await current()).body.role).toBe('admin');
      clock.advance(61);
      expect((await current()).status).toBe(401);
      clock.set(new Date());
      await signIn(visitor, 'joan');
      expect((await current()).body).toMatchObject({ role: 'auditor', tenants: ['acme'] });
    } finally {
      await other.close();
    }
  });
});

describe('a provider that is away', () => {
  it('leads back to the sign-in page, which says so', async () => {
    const environment = { ...provider.environment(), CONSOLE_OIDC_ISSUER: `http://127.0.0.1:${await freePort()}` };
    const other = await startTestReplica({ environment, databaseUrl: replica.databaseUrl });
    try {
      const response = await new ConsoleBrowser(other).send('get', SIGN_IN);
      expect([response.status, response.headers['location']]).toEqual([303, errorOf('provider_unavailable')]);
    } finally {
      await other.close();
    }
  });

  it('is no way in where none is configured', async () => {
    const other = await startTestReplica({ databaseUrl: replica.databaseUrl });
    try {
      for (const path of [SIGN_IN, `${SIGN_IN}/callback?code=a&state=b`])
        expect((await new ConsoleBrowser(other).send('get', path)).body.code).toBe('sign_in_method_disabled');
    } finally {
      await other.close();
    }
  });
});
