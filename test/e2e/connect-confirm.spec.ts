import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { PRODUCTS } from '../../src/config/products.ts';
import { Database } from '../../src/database/database.ts';
import { productDescriptor } from '../../src/meta/dialog/products.ts';
import {
  api,
  type ConnectSessionBody,
  type ConnectTestContext,
  completeDialog,
  createSession,
  openConnectTestContext,
  TestBrowser,
} from '../support/connect-test-context.ts';

const ORIGIN = 'http://localhost:3000';
const PAGE = { Accept: 'text/html' };
const SIGNUP = { product: 'whatsapp', flow: 'embedded_signup' };
let context: ConnectTestContext;
beforeAll(async () => {
  context = await openConnectTestContext();
});
afterAll(() => context?.close());

const asking = (body: Record<string, unknown> = {}) => createSession(context, { confirm: true, ...body });
const attempts = async ({ id }: ConnectSessionBody) =>
  (
    await context.replica.app
      .get(Database)
      .rows({ text: 'SELECT 1 FROM connect_attempt WHERE session_id = $1', values: [id] })
  ).length;
const goOn = (browser: TestBrowser, { connect_url: url }: ConnectSessionBody, origin = ORIGIN) =>
  browser.post(url, undefined, origin, { ...PAGE, 'Content-Type': 'application/x-www-form-urlencoded' });

describe('a link with confirm', () => {
  it('shows who is asking for what, and creates nothing however often it is opened', async () => {
    const session = await asking({ tenant_name: 'Acme <b>& Söhne</b>' });
    for (let scan = 0; scan < 3; scan++) {
      const page = await new TestBrowser(context).get(session.connect_url, PAGE);
      expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
      expect([page.headers['set-cookie'], page.headers['cache-control']]).toEqual([undefined, 'no-store']);
      expect(page.text).toContain(
        '<bdi>Acme &lt;b&gt;&amp; Söhne&lt;/b&gt;</bdi> asks you to connect your Facebook Pages',
      );
      expect(page.text).not.toMatch(/<script|<b>|onclick/);
      expect(page.headers['content-security-policy']).toMatch(
        /^default-src 'none'; style-src 'self'; img-src 'self' data:;/,
      );
    }
    const looked = await request(context.replica.app.getHttpServer()).head(new URL(session.connect_url).pathname);
    expect([looked.status, looked.headers['set-cookie']]).toEqual([200, undefined]);
    expect(await attempts(session)).toBe(0);
    const state = await api(context).get(`/v1/connect-sessions/${session.id}`);
    expect(state.body).toMatchObject({ status: 'open', confirm: true, tenant_name: 'Acme <b>& Söhne</b>' });
  });

  it('names every product in plain words', async () => {
    for (const product of PRODUCTS) {
      const session = await asking({ product, flow: productDescriptor(product).mainFlow });
      const { text } = await new TestBrowser(context).get(session.connect_url, PAGE);
      expect(text).toMatch(/<h1>Connect your [^<]+\?<\/h1>\n<p>The sender of this link asks you to connect your /);
      expect(text.match(/<li>/g)?.length).toBeGreaterThanOrEqual(3);
    }
  });

  it('continues with its form, and becomes a connection', async () => {
    const session = await asking();
    const browser = new TestBrowser(context);
    const { text } = await browser.get(session.connect_url, PAGE);
    expect(text).toContain(`<form method="post" action="${new URL(session.connect_url).pathname}">`);
    const led = await goOn(browser, session);
    expect([led.status, led.headers['cache-control']]).toEqual([303, 'no-store']);
    expect(await attempts(session)).toBe(1);
    const end = await browser.get(await completeDialog(new URL(String(led.headers['location']))));
    expect(end.headers['location']).toContain('status=connected');
  });

  it('accepts its form from its own page only', async () => {
    const session = await asking();
    for (const origin of ['https://evil.example', 'null', `${ORIGIN}.evil.example`]) {
      const response = await goOn(new TestBrowser(context), session, origin);
      expect([response.status, response.headers['content-type']]).toEqual([400, 'text/html; charset=utf-8']);
      expect(response.text).toContain('state_mismatch');
    }
    const { pathname } = new URL(session.connect_url);
    expect((await request(context.replica.app.getHttpServer()).post(pathname)).status).toBe(400);
    expect(await attempts(session)).toBe(0);
  });

  it.each(['dialog', 'signup'])('has no way around the page at /%s', async (path) => {
    const session = await asking(SIGNUP);
    const browser = new TestBrowser(context);
    const around = await browser.get(`${session.connect_url}/${path}`, PAGE);
    expect([around.status, around.headers['location']]).toEqual([302, new URL(session.connect_url).pathname]);
    expect(await attempts(session)).toBe(0);
    const other = new TestBrowser(context);
    await goOn(other, await asking(SIGNUP));
    expect((await other.get(`${session.connect_url}/${path}`, PAGE)).headers['location']).toBe(
      new URL(session.connect_url).pathname,
    );
  });

  it('leads to the Embedded Signup page, from there to the full page, and again after a reload', async () => {
    const session = await asking(SIGNUP);
    const browser = new TestBrowser(context);
    const led = await goOn(browser, session);
    expect([led.status, led.headers['location']]).toEqual([303, `${new URL(session.connect_url).pathname}/signup`]);
    for (let load = 0; load < 2; load++) {
      const page = await browser.get(String(led.headers['location']), PAGE);
      expect([page.status, page.text.includes('Continue with Facebook')]).toEqual([200, true]);
    }
    const dialog = await browser.open(`${session.connect_url}/dialog`);
    const end = await browser.get((await completeDialog(dialog)).replace(/#.*$/, ''));
    expect(end.headers['location']).toContain('status=connected');
  });

  it('shows on a page if it has expired, also when the form is posted', async () => {
    const session = await asking();
    context.clock.advance(11 * 60);
    expect((await new TestBrowser(context).get(session.connect_url, PAGE)).status).toBe(410);
    const late = await goOn(new TestBrowser(context), session);
    expect([late.status, late.headers['content-type']]).toEqual([410, 'text/html; charset=utf-8']);
  });

  it("accepts names of 1 to 100 characters that can't affect the text around them", async () => {
    const body = { tenant: 'acme', product: 'pages', flow: 'facebook_login' };
    for (const name of ['', '   ', 'x'.repeat(101), 'a\nb', '\u202eevil', 7, null]) {
      const response = await api(context).post('/v1/connect-sessions', { ...body, tenant_name: name });
      expect([response.status, response.body.errors?.[0].path]).toEqual([400, 'tenant_name']);
    }
    expect((await api(context).post('/v1/connect-sessions', { ...body, tenant_name: 'é'.repeat(100) })).status).toBe(
      201,
    );
    expect((await api(context).post('/v1/connect-sessions', { ...body, confirm: 'yes' })).status).toBe(400);
  });
});
