import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import type { ConnectionResponse } from '../../src/connections/connection/connection-response.dto.ts';
import {
  api,
  browseToCallback,
  type ConnectTestContext,
  createSession,
  openConnectTestContext,
  TestBrowser,
} from '../support/connect-test-context.ts';

const BUSINESS = '300000000000401';
const SCOPES = ['whatsapp_business_management', 'whatsapp_business_messaging'];
const ORIGIN = 'http://localhost:3000';
let context: ConnectTestContext;

beforeAll(async () => {
  context = await openConnectTestContext();
});
afterAll(() => context.close());

const make = () => context.sandbox.state.make;

function shop(numbers: number): { waba: string; phones: string[] } {
  const { id: waba } = make().waba({ businessId: BUSINESS, name: 'A shop' });
  return { waba, phones: Array.from({ length: numbers }, () => make().phone({ wabaId: waba, pin: null }).id) };
}

/** Completes our signup page as its script does; returns the final page for `Accept`. */
async function signUp(ids: Record<string, string>, named: string[] = []) {
  const { id: userId } = make().user({ kind: 'system_user', businessId: BUSINESS, wabaIds: [] });
  const targets = named.length === 0 ? {} : { targets: { whatsapp_business_management: named } };
  const code = make().code({ userId, fromSdk: true, expiresIn: null, scopes: SCOPES, ...targets });
  const { connect_url: url } = await createSession(context, {
    tenant: `t-${userId}`,
    product: 'whatsapp',
    flow: 'embedded_signup',
    return_url: undefined,
  });
  const browser = new TestBrowser(context);
  await browser.get(url);
  const response = await request(context.replica.app.getHttpServer())
    .post(`${new URL(url).pathname}/complete`)
    .set({ Origin: ORIGIN, Cookie: browser.cookieHeader })
    .send({ code, ...ids });
  const { redirect_to: end } = response.body as { redirect_to: string };
  return (accept: string) => browser.get(end, { Accept: accept });
}

const onlyConnection = async (end: request.Response): Promise<ConnectionResponse> =>
  (await api(context).get(`/v1/connections/${end.body.connection_id}`)).body as ConnectionResponse;

describe('the final page of a signup', () => {
  it('says that the number must be registered, with which route, and what for', async () => {
    const { waba, phones } = shop(1);
    const end = await signUp({ waba_id: waba });
    const reported = await end('application/json');
    expect(reported.body).toEqual({
      status: 'connected',
      connection_id: expect.stringMatching(/^con_/),
      phone_numbers_to_register: phones,
    });
    const page = (await end('text/html')).text;
    const { id } = await onlyConnection(reported);
    const route = `/v1/connections/${id}/phone-numbers/${phones[0]}/register`;
    expect(page).toContain(`POST ${route}`);
    expect(page).toMatch(/six-digit pin/);
    expect(page).toContain(`href="${ORIGIN}/docs"`);
    expect(page).not.toMatch(/Everything is set up|<form|<input/);

    await api(context).post(route, { pin: '480216' }).expect(200);
    expect((await end('application/json')).body).toEqual({ status: 'connected', connection_id: id });
    expect((await end('text/html')).text).toMatch(/Everything is set up/);
  });

  it('names the first of many numbers', async () => {
    const { waba, phones } = shop(5);
    const end = await signUp({ waba_id: waba });
    expect((await end('application/json')).body.phone_numbers_to_register.sort()).toEqual([...phones].sort());
    expect((await end('text/html')).text).toMatch(/ and 2 more .*\/phone-numbers\/\{phone_number_id\}\/register/s);
  });

  it('says what the connection lacks', async () => {
    const end = await signUp({});
    const page = (await end('text/html')).text;
    expect(page).toMatch(/Setup is not complete\. Meta named no WhatsApp Business account .* Sign up again/s);
    expect(page).not.toMatch(/Everything is set up/);
  });
});

it('says that everything is set up if it is', async () => {
  const { browser, callback } = await browseToCallback(context, { return_url: undefined });
  const page = await browser.arrive(callback);
  expect(page.text).toMatch(/Everything is set up/);
});
