import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { ConnectionResponse } from '../../src/connections/connection/connection-response.dto.ts';
import { Database } from '../../src/database/database.ts';
import { Sweep } from '../../src/lifecycle/sweeps/sweep.ts';
import type { NewToken } from '../../src/sandbox/state/credential-factory.ts';
import {
  api,
  type ConnectTestContext,
  createServiceClient,
  createSession,
  openConnectTestContext,
} from '../support/connect-test-context.ts';

const BUSINESS = '300000000000401';
const SCOPES = ['whatsapp_business_management', 'whatsapp_business_messaging'];
const PIN = '480216';
let context: ConnectTestContext;

beforeAll(async () => {
  context = await openConnectTestContext();
});
afterEach(() => {
  context.sandbox.state.faults.clear();
});
afterAll(() => context?.close());

const make = () => context.sandbox.state.make;
const waba = () => make().waba({ businessId: BUSINESS, name: 'A shop' }).id;
const phone = (wabaId: string, pin: string | null = null) => make().phone({ wabaId, pin }).id;
/** A user without an account assigned in Business Settings. */
const systemUser = () => make().user({ kind: 'system_user', businessId: BUSINESS, wabaIds: [] }).id;

/** A code from `FB.login`; `named`: what the granted scopes name. */
function code(userId: string, named: string[] = [], expiresIn: number | null = null, scopes = SCOPES): string {
  const targets: NewToken['targets'] =
    named.length === 0 ? undefined : { whatsapp_business_management: named, whatsapp_business_messaging: named };
  return make().code({ userId, fromSdk: true, expiresIn, scopes, ...(targets === undefined ? {} : { targets }) });
}
async function complete(body: Record<string, unknown>, tenant = 'acme') {
  const session = await createSession(context, { tenant, product: 'whatsapp', flow: 'embedded_signup' });
  return api(context).post(`/v1/connect-sessions/${session.id}/complete`, body);
}
async function connected(body: Record<string, unknown>, tenant = 'acme'): Promise<ConnectionResponse> {
  const response = await complete(body, tenant);
  if (response.status !== 201) throw new Error(`${response.status} ${response.text}`);
  return response.body as ConnectionResponse;
}
const assetOf = (connection: ConnectionResponse, id: string) => connection.assets.find((asset) => asset.id === id);
const audited = async (action: string, connectionId: string): Promise<string[]> =>
  (
    await context.replica.app.get(Database).rows<{ details: string }>({
      text: 'SELECT details::text AS details FROM audit_entry WHERE action = $1 AND connection_id = $2',
      values: [action, connectionId],
    })
  ).map(({ details }) => details);

describe('an Embedded Signup token', () => {
  it('reaches accounts found by the granted scopes if no ids are sent', async () => {
    const id = waba();
    const number = phone(id);
    const connection = await connected({ code: code(systemUser(), [id]) });
    expect(connection).toMatchObject({ status: 'active', status_reason: null });
    expect(assetOf(connection, id)).toMatchObject({
      type: 'whatsapp_business_account',
      name: 'A shop',
      business: { id: BUSINESS, name: null },
    });
    expect(assetOf(connection, number)).toMatchObject({ type: 'phone_number', parent_id: id });
  });

  it.each([
    ['without an end', null],
    ['of 60 days', 5_184_000],
  ])('is a business-integration token %s, kept as it is', async (_, expiresIn) => {
    const id = waba();
    const expiresAt =
      expiresIn === null ? null : new Date(context.clock.now().getTime() + expiresIn * 1000).toISOString();
    const connection = await connected({ code: code(systemUser(), [id], expiresIn) });
    expect(connection.credentials).toMatchObject([{ kind: 'system_user', expires_at: expiresAt }]);
  });

  it('requires the user again if ids and scopes name nothing, and says what to do', async () => {
    const userId = systemUser();
    const silent = await connected({ code: code(userId) }, 'silent');
    expect(silent).toMatchObject({
      status: 'reauth_required',
      status_reason: {
        code: 'no_whatsapp_account',
        detail: expect.stringMatching(/Neither Embedded Signup nor/),
        remedy: expect.stringMatching(/Embedded Signup again.*waba_id/),
      },
      assets: [],
    });
    const { key } = await createServiceClient(context);
    const lease = await api(context, key).post('/v1/leases', { tenant: 'silent', product: 'whatsapp' });
    expect([lease.status, lease.body.code]).toEqual([409, 'reauth_required']);
    // A live token alone doesn't make the connection usable.
    context.clock.advance(2 * 86_400);
    await context.replica.app.get(Sweep).health('due');
    await api(context).post(`/v1/connections/${silent.id}/check`, {}).expect(200);
    expect((await api(context).get(`/v1/connections/${silent.id}`)).body).toMatchObject({
      status: 'reauth_required',
      status_reason: { code: 'no_whatsapp_account' },
    });
    const events = await context.replica.app.get(Database).rows<{ type: string }>({
      text: 'SELECT type FROM event WHERE connection_id = $1 ORDER BY position',
      values: [silent.id],
    });
    expect(events.map(({ type }) => type)).toEqual(['connection.created', 'connection.reauth_required']);

    const id = waba();
    phone(id);
    const reconnected = await connected({ code: code(userId), waba_id: id }, 'silent');
    expect(reconnected).toMatchObject({ id: silent.id, status: 'active', status_reason: null });
    expect(assetOf(reconnected, id)).toBeDefined();
  });

  it("reports the account that the token can't see", async () => {
    const connection = await connected({ code: code(systemUser()), waba_id: '999000999' });
    expect(connection).toMatchObject({
      status: 'reauth_required',
      status_reason: { code: 'no_whatsapp_account', detail: expect.stringContaining('999000999') },
    });
  });

  it('reports declined scopes first', async () => {
    const connection = await connected({ code: code(systemUser(), [], null, ['whatsapp_business_messaging']) });
    expect(connection).toMatchObject({
      status: 'active',
      declined_scopes: expect.arrayContaining(['whatsapp_business_management']),
      status_reason: { code: 'scopes_missing', remedy: expect.any(String) },
    });
  });

  it('imported from a system user stays usable by those who know the account', async () => {
    const { accessToken } = make().token({ userId: systemUser(), scopes: SCOPES, expiresIn: null });
    const response = await api(context).post('/v1/connections/import', {
      tenant: 'own',
      product: 'whatsapp',
      access_token: accessToken,
    });
    expect(response.body).toMatchObject({
      status: 'active',
      status_reason: { code: 'no_whatsapp_account', remedy: expect.stringContaining('import') },
    });
  });
});

describe('the webhook subscription', () => {
  it('is trusted only if the account then lists our own app', async () => {
    const id = waba();
    context.sandbox.state.faults.add({
      match: { method: 'GET', pathPattern: 'subscribed_apps$' },
      times: null,
      fault: {
        kind: 'status',
        status: 200,
        body: { data: [{ whatsapp_business_api_data: { id: '4711', name: 'Another app', link: '' } }] },
      },
    });
    const connection = await connected({ code: code(systemUser()), waba_id: id });
    expect(connection).toMatchObject({
      status: 'active',
      status_reason: { code: 'webhooks_not_subscribed', detail: expect.stringContaining(id) },
    });
    context.sandbox.state.faults.clear();
  });

  it.each([
    ['a permission', { code: 200, status: 403 }],
    ['a locked account', { code: 131031, status: 403 }],
  ])('refused for %s does not fail the connection, and shows what Meta said', async (_, error) => {
    const id = waba();
    const number = phone(id);
    context.sandbox.state.faults.add({
      match: { method: 'POST', pathPattern: 'subscribed_apps$' },
      times: 1,
      fault: { kind: 'graph_error', ...error },
    });
    const connection = await connected({ code: code(systemUser()), waba_id: id });
    expect(connection).toMatchObject({
      status: 'active',
      status_reason: { code: 'webhooks_not_subscribed', meta: { code: error.code }, remedy: expect.any(String) },
    });
    expect(assetOf(connection, number)).toBeDefined();
  });
});

describe('registering a number', () => {
  it('uses the pin of the completion, after subscribing', async () => {
    const id = waba();
    const number = phone(id);
    context.sandbox.state.log.clear();
    const connection = await connected({ code: code(systemUser()), waba_id: id, phone_number_id: number, pin: PIN });
    expect(connection.status_reason).toBeNull();
    expect(assetOf(connection, number)?.registration).toEqual({ status: 'registered', at: expect.any(String) });
    expect(context.sandbox.state.store.phones.get(number)).toMatchObject({ registered: true, pin: PIN });
    const posts = context.sandbox.state.log.list().filter(({ method }) => method === 'POST');
    const order = posts.map(({ path }) => path.split('/').at(-1));
    expect(order.indexOf('register')).toBeGreaterThan(order.indexOf('subscribed_apps'));
    expect(await audited('phone_number.registered', connection.id)).toHaveLength(1);
  });

  it('finds the only number by itself, and asks which one if there are several', async () => {
    const one = waba();
    const number = phone(one);
    const single = await connected({ code: code(systemUser()), waba_id: one, pin: PIN });
    expect(assetOf(single, number)?.registration?.status).toBe('registered');
    const several = waba();
    phone(several);
    phone(several);
    expect(await connected({ code: code(systemUser()), waba_id: several, pin: PIN })).toMatchObject({
      status: 'active',
      status_reason: { code: 'phone_number_not_registered', detail: expect.stringContaining('not which number') },
    });
    expect(await connected({ code: code(systemUser()), waba_id: one, phone_number_id: '1', pin: PIN })).toMatchObject({
      status: 'active',
      status_reason: { code: 'phone_number_not_registered' },
    });
  });

  it('with a wrong pin keeps the connection, reports it, and can be repeated', async () => {
    const id = waba();
    const number = phone(id, '111111');
    const connection = await connected({ code: code(systemUser()), waba_id: id, phone_number_id: number, pin: PIN });
    expect(connection).toMatchObject({
      status: 'active',
      status_reason: {
        code: 'phone_number_not_registered',
        detail: expect.stringContaining('pin'),
        remedy: expect.stringContaining('/register'),
        meta: { code: 133005 },
      },
    });
    expect(assetOf(connection, number)?.registration).toMatchObject({ status: 'failed', meta: { code: 133005 } });

    const register = (pin: string, phoneNumberId = number) =>
      api(context).post(`/v1/connections/${connection.id}/phone-numbers/${phoneNumberId}/register`, { pin });
    const wrong = await register('222222');
    expect([wrong.status, wrong.body.code, wrong.body.meta.code]).toEqual([422, 'registration_refused', 133005]);
    expect(wrong.body.remedy).toContain('Ask the owner for the pin');
    const unknown = await register(PIN, '42');
    expect([unknown.status, unknown.body.code]).toEqual([404, 'phone_number_not_found']);
    const right = await register('111111');
    expect([right.status, right.body.status_reason]).toEqual([200, null]);
    expect(assetOf(right.body as ConnectionResponse, number)?.registration?.status).toBe('registered');

    // A wrong pin doesn't undo it.
    expect((await register('333333')).status).toBe(422);
    const still = (await api(context).get(`/v1/connections/${connection.id}`)).body as ConnectionResponse;
    expect([still.status_reason, assetOf(still, number)?.registration?.status]).toEqual([null, 'registered']);

    // Reconnecting keeps it.
    const userId = connection.meta_user_id;
    const again = await connected({ code: code(userId), waba_id: id });
    expect(again.id).toBe(connection.id);
    expect(assetOf(again, number)?.registration?.status).toBe('registered');
  });

  it('too often is 503 with Retry-After, and so is no response from Meta; each is asked once', async () => {
    const id = waba();
    const number = phone(id);
    const connection = await connected({ code: code(systemUser()), waba_id: id });
    const path = `/v1/connections/${connection.id}/phone-numbers/${number}/register`;
    for (let tries = 0; tries < 10; tries++) await api(context).post(path, { pin: PIN }).expect(200);
    const limited = await api(context).post(path, { pin: PIN });
    expect([limited.status, limited.body.code, limited.body.meta.code]).toEqual([503, 'meta_unavailable', 133016]);
    expect(limited.body.detail).toContain('72 hours');
    expect(Number(limited.headers['retry-after'])).toBeGreaterThan(0);
    context.sandbox.state.log.clear();
    context.sandbox.state.faults.add({ match: { pathPattern: 'register$' }, fault: { kind: 'status', status: 500 } });
    expect((await api(context).post(path, { pin: PIN })).body).toMatchObject({ status: 503, code: 'meta_unavailable' });
    expect(context.sandbox.state.log.list().filter((call) => call.path.endsWith('/register'))).toHaveLength(1);
  });

  it('accepts six digits, for WhatsApp, on a visible connection', async () => {
    const id = waba();
    const number = phone(id);
    for (const pin of ['12345', '1234567', 'abcdef', 123456, null, '']) {
      const response = await complete({ code: 'x', pin });
      expect([response.status, response.body.code]).toEqual([400, 'invalid_request']);
      expect(response.body.errors[0].path).toBe('pin');
    }
    const pages = await createSession(context);
    const wrong = await api(context).post(`/v1/connect-sessions/${pages.id}/complete`, { code: 'x', pin: PIN });
    expect([wrong.status, wrong.body.errors]).toEqual([400, [{ path: 'pin', message: expect.any(String) }]]);

    const connection = await connected({ code: code(systemUser()), waba_id: id }, 'mine');
    const path = `/v1/connections/${connection.id}/phone-numbers/${number}/register`;
    const key = async (role: string, tenants: string[]) => {
      const body = { name: 'x', role, tenants, products: ['*'] };
      return (await api(context).post('/v1/clients', body)).body.api_key as string;
    };
    expect((await api(context, await key('service', ['theirs'])).post(path, { pin: PIN })).status).toBe(404);
    expect((await api(context, await key('auditor', ['mine'])).post(path, { pin: PIN })).status).toBe(403);
    expect((await api(context, await key('service', ['mine'])).post(path, { pin: PIN })).status).toBe(200);
  });

  it('leaves no pin anywhere', async () => {
    const id = waba();
    const number = phone(id);
    const refused = phone(id, '111111');
    const registered = { waba_id: id, phone_number_id: number, pin: PIN };
    const connection = await connected({ code: code(systemUser()), ...registered }, 'pinless');
    await api(context)
      .post(`/v1/connections/${connection.id}/phone-numbers/${refused}/register`, { pin: PIN })
      .expect(422);
    const dump = await context.replica.app.get(Database).rows<{ text: string }>({
      text: `SELECT (SELECT string_agg(a::text, ' ') FROM audit_entry a) || (SELECT string_agg(a::text, ' ') FROM asset a)
        || (SELECT string_agg(a::text, ' ') FROM connection a) || (SELECT string_agg(a::text, ' ') FROM event a) AS text`,
    });
    expect(dump[0]?.text).toContain('registered');
    // Not within longer numbers: six digits in a row also occur in times and ids.
    const pin = new RegExp(`(?<![\\w.])${PIN}(?![\\w.])`);
    for (const text of [dump[0]?.text ?? '', context.log.text()]) expect(text).not.toMatch(pin);
  });
});
