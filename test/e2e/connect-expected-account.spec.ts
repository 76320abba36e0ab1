import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Database } from '../../src/database/database.ts';
import {
  api,
  browseToCallback,
  type ConnectTestContext,
  completeConnect,
  connectionAt,
  countCodeExchanges,
  createSession,
  openConnectTestContext,
  TestBrowser,
} from '../support/connect-test-context.ts';

const ORIGIN = 'http://localhost:3000';
let context: ConnectTestContext;
beforeAll(async () => {
  context = await openConnectTestContext();
});
afterAll(() => context?.close());

const make = () => context.sandbox.state.make;
const rows = (text: string, values: unknown[] = []) =>
  context.replica.app.get(Database).rows<Record<string, unknown>>({ text, values });
const stored = async () => [
  await rows('SELECT id FROM connection'),
  await rows('SELECT id FROM pending_authorization'),
  await rows('SELECT id FROM sealed_secret'),
];
const failures = async (sessionId: string) =>
  (await rows(`SELECT details FROM audit_entry WHERE action = 'connect.failed' AND subject_id = $1`, [sessionId])).map(
    ({ details }) => details,
  );
const stateOf = async (id: string) =>
  (await api(context).get(`/v1/connect-sessions/${id}`)).body as Record<string, unknown>;
const signup = (expected: object, tenant = 'acme') =>
  createSession(context, { tenant, product: 'whatsapp', flow: 'embedded_signup', expected });
/** A system user of a client business, and a WhatsApp account. */
function customer() {
  const { id: businessId } = make().business();
  const { id: wabaId } = make().waba({ businessId, name: 'A shop' });
  const codeOf = (userId: string) =>
    make().code({
      userId,
      fromSdk: true,
      scopes: ['whatsapp_business_management'],
      targets: { whatsapp_business_management: [wabaId] },
    });
  return { businessId, wabaId, codeOf, systemUser: make().user({ kind: 'system_user', businessId, wabaIds: [] }).id };
}

describe('a session for one account', () => {
  it('shows it, and accepts only ids', async () => {
    const session = await createSession(context, { expected: { meta_user_id: '11', business_id: '22' } });
    expect(await stateOf(session.id)).toMatchObject({ expected: { meta_user_id: '11', business_id: '22' } });
    expect(await stateOf((await createSession(context)).id)).toMatchObject({ expected: null });
    const body = { tenant: 'acme', product: 'pages', flow: 'facebook_login' };
    for (const expected of [{}, { meta_user_id: 'x' }, { business_id: 22 }, { other: '1' }, null, '11', []]) {
      const response = await api(context).post('/v1/connect-sessions', { ...body, expected });
      expect([response.status, response.body.code]).toEqual([400, 'invalid_request']);
      expect(response.body.errors[0].path).toMatch(/^expected/);
    }
  });

  it('fails with wrong_account for another person and keeps nothing; the right one then connects with the same link', async () => {
    const { id: right } = make().user();
    const { id: wrong } = make().user();
    const before = await stored();
    const { session, browser, callback } = await browseToCallback(
      context,
      { expected: { meta_user_id: right } },
      { user: wrong },
    );
    const exchanges = countCodeExchanges(context);
    const response = await browser.get(callback);
    expect(new URL(String(response.headers['location'])).search).toBe('?status=error&error=wrong_account');
    expect(await stored()).toEqual(before);
    expect(await failures(session.id)).toEqual([
      { flow: 'facebook_login', code: 'wrong_account', meta: {}, will_retry: false },
    ]);
    expect(await stateOf(session.id)).toMatchObject({ status: 'failed', error: 'wrong_account', connection_id: null });
    const again = await browser.get(callback);
    expect(again.headers['location']).toBe(response.headers['location']);
    expect(countCodeExchanges(context)).toBe(exchanges + 1);
    const end = await completeConnect(context, { expected: { meta_user_id: right } }, { user: right });
    expect(await connectionAt(context, end)).toMatchObject({ meta_user_id: right, status: 'active' });
  });

  it('says on our page what to do', async () => {
    const { id: wrong } = make().user();
    const { browser, callback } = await browseToCallback(
      context,
      { return_url: undefined, expected: { meta_user_id: '1' } },
      { user: wrong },
    );
    const response = await browser.arrive(callback);
    expect([response.status, response.headers['content-type']]).toEqual([422, 'text/html; charset=utf-8']);
    expect(response.text).toMatch(/not the account the link is for/);
    expect(response.text).toMatch(/Log out of Facebook[^<]* open the link again and use the right account/);
  });

  it('for Instagram matches the 1784… id', async () => {
    const body = { product: 'instagram', flow: 'instagram_login' };
    const right = { ...body, expected: { meta_user_id: '17841400000000301' } };
    expect((await completeConnect(context, right)).searchParams.get('status')).toBe('connected');
    const wrong = { ...body, expected: { meta_user_id: '17841400000000302' } };
    expect((await completeConnect(context, wrong)).searchParams.get('error')).toBe('wrong_account');
  });

  it("checks a front end's code, whatever business the browser claims", async () => {
    const { businessId, wabaId, codeOf, systemUser } = customer();
    const other = customer();
    const before = await stored();
    const session = await signup({ business_id: other.businessId });
    const claim = { waba_id: wabaId, business_id: other.businessId };
    const response = await api(context).post(`/v1/connect-sessions/${session.id}/complete`, {
      code: codeOf(systemUser),
      ...claim,
    });
    expect([response.status, response.body.code]).toEqual([422, 'wrong_account']);
    expect(await stored()).toEqual(before);
    expect(context.sandbox.state.log.list().filter(({ path }) => path.endsWith('/subscribed_apps'))).toEqual([]);
    const right = await signup({ business_id: businessId });
    const connected = await api(context).post(`/v1/connect-sessions/${right.id}/complete`, {
      code: codeOf(systemUser),
    });
    expect(connected.status).toBe(201);
  });

  it('checks a token that a front end supplies', async () => {
    const { id: right } = make().user();
    const { id: wrong } = make().user();
    const session = await createSession(context, { expected: { meta_user_id: right } });
    const complete = (userId: string) =>
      api(context).post(`/v1/connect-sessions/${session.id}/complete`, {
        access_token: make().token({ userId }).accessToken,
      });
    expect((await complete(wrong)).body).toMatchObject({ code: 'wrong_account', status: 422 });
    expect((await complete(right)).status).toBe(201);
  });

  it('checks the owner of the WhatsApp account if a person logs in', async () => {
    const { businessId, codeOf } = customer();
    const { id: person } = make().user({ businessIds: [businessId] });
    const other = await signup({ business_id: customer().businessId });
    const refused = await api(context).post(`/v1/connect-sessions/${other.id}/complete`, { code: codeOf(person) });
    expect([refused.status, refused.body.code]).toEqual([422, 'wrong_account']);
  });

  it("is refused if it expects a business and Meta can't tell, with the reason", async () => {
    const { id: user } = make().user();
    const { session, browser, callback } = await browseToCallback(
      context,
      { return_url: undefined, expected: { business_id: '900' } },
      { user },
    );
    const response = await browser.arrive(callback);
    expect(response.status).toBe(422);
    expect(response.text).toMatch(/does not say which business this login belongs to/);
    expect(await stateOf(session.id)).toMatchObject({ error: 'wrong_account' });
  });

  it('checks the Embedded Signup page, too', async () => {
    const { codeOf, systemUser } = customer();
    const session = await signup({ business_id: customer().businessId });
    const browser = new TestBrowser(context);
    await browser.get(session.connect_url);
    const response = await browser.post(`${session.connect_url}/complete`, { code: codeOf(systemUser) }, ORIGIN);
    expect([response.status, response.body.redirect_to]).toEqual([
      200,
      'https://app.example/done?status=error&error=wrong_account',
    ]);
  });
});
