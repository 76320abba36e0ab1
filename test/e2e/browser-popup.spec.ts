import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { createSession } from '../support/connect-test-context.ts';
import { describeInBrowser, type Visitor } from '../support/describe-in-browser.ts';
import { listen } from '../support/http-listener.ts';
import { until } from '../support/until.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const CONFIG_ID = '777000777000';
const PHONE = { viewport: { width: 800, height: 360 }, isMobile: true, hasTouch: true };
const CONNECTED = { status: 'connected', connection_id: expect.stringMatching(/^con_[0-9a-z]{26}$/) };
/** What an attacker would like the product to believe. */
const FORGED = { type: 'metavault.connect', status: 'connected', connection_id: 'con_forged' };

describeInBrowser(
  'a product that opens sessions in a pop-up',
  { META_LOGIN_CONFIG_ID_WHATSAPP: CONFIG_ID },
  ({ testContext, visitor }) => {
    const productUrl = () => new URL('/', testContext().returnUrl).href;
    const session = (body: Record<string, unknown> = {}) =>
      createSession(testContext(), { return_url: testContext().returnUrl, ...body });
    const link = async (body: Record<string, unknown> = {}) => (await session(body)).connect_url;
    const approve = (page: Page) => page.getByRole('button', { name: 'Continue', exact: true }).click();

    /** Opens a page of the product that has loaded `/connect.js`. */
    async function atProduct(settings: Parameters<typeof visitor>[0] = {}, before = ''): Promise<Visitor> {
      const user = await visitor(settings);
      await user.page.addInitScript(before);
      await user.page.goto(productUrl());
      await user.page.addScriptTag({ url: `${testContext().listensAt}/connect.js` });
      return user;
    }

    /** Calls `Metavault.connect`, whose result is stored in `window[name]`. Returns the pop-up at Meta's dialog. */
    async function openPopup(page: Page, options: Record<string, unknown>, name = 'result'): Promise<Page> {
      const opened = page.waitForEvent('popup');
      await page.evaluate(`(window['${name}'] = null, void Metavault.connect(${JSON.stringify(options)})
        .then((result) => { window['${name}'] = result; }))`);
      return opened;
    }

    async function resultOf(page: Page, name = 'result'): Promise<unknown> {
      await page.waitForFunction(`window['${name}'] !== null`);
      return page.evaluate(`window['${name}']`);
    }

    /** Records in `window.heard` the origins of all messages that the page gets. */
    const listenTo = (page: Page) =>
      page.evaluate(`window.heard = []; addEventListener('message', ({ origin }) => { heard.push(origin); })`);

    async function hears(page: Page, origins: string[]): Promise<void> {
      await page.waitForFunction(`heard.length >= ${origins.length}`);
      expect(await page.evaluate('heard')).toEqual(origins);
    }

    describe('gets the result and closes the pop-up', () => {
      beforeAll(() => {
        testContext().sandbox.state.addConfiguration({
          id: CONFIG_ID,
          tokenType: 'system_user',
          scopes: ['whatsapp_business_management', 'whatsapp_business_messaging'],
          expiresIn: null,
        });
      });

      it("of a login, at the return_url's origin or the session's own", async () => {
        for (const body of [{}, { return_url: undefined, origin: new URL(productUrl()).origin }]) {
          const { page } = await atProduct();
          const popup = await openPopup(page, { url: await link({ tenant: 'popup', ...body }) });
          const closed = popup.waitForEvent('close');
          await approve(popup);
          expect(await resultOf(page)).toEqual(CONNECTED);
          await closed;
          expect(page.url()).toBe(productUrl());
        }
      });

      it('of a login that was declined', async () => {
        const { page } = await atProduct();
        const popup = await openPopup(page, { url: await link() });
        await popup.getByRole('button', { name: 'Not now' }).click();
        expect(await resultOf(page)).toEqual({ status: 'error', error: 'access_denied' });
      });

      it('of a link that has expired', async () => {
        const { page } = await atProduct();
        const url = await link();
        testContext().clock.advance(601);
        await openPopup(page, { url });
        expect(await resultOf(page)).toEqual({ status: 'error', error: 'session_expired' });
      });

      it('of a session with a confirmation page', async () => {
        const { page } = await atProduct();
        const popup = await openPopup(page, { url: await link({ confirm: true }) });
        await popup.getByRole('button', { name: 'Continue to Facebook' }).click();
        await approve(popup);
        expect(await resultOf(page)).toEqual(CONNECTED);
      });

      it('of an Embedded Signup, in a pop-up of the pop-up or on its full page', async () => {
        const { page } = await atProduct();
        const body = { product: 'whatsapp', flow: 'embedded_signup' };
        const popup = await openPopup(page, { url: await link(body) });
        const second = popup.waitForEvent('popup');
        await popup.getByRole('button', { name: 'Continue with Facebook' }).click();
        await approve(await second);
        expect(await resultOf(page)).toEqual(CONNECTED);

        const fullPage = await openPopup(page, { url: await link(body) });
        await fullPage.locator('#full').click();
        await approve(fullPage);
        expect(await resultOf(page)).toEqual(CONNECTED);
      });

      it('of each session, if several are open at once', async () => {
        const { page } = await atProduct();
        const [first, second] = [
          await openPopup(page, { url: await link({ tenant: 'first' }) }, 'first'),
          await openPopup(page, { url: await link({ tenant: 'second' }) }, 'second'),
        ];
        await approve(second);
        expect(await resultOf(page, 'second')).toEqual(CONNECTED);
        expect(await page.evaluate('window.first')).toBeNull();
        await first.getByRole('button', { name: 'Not now' }).click();
        expect(await resultOf(page, 'first')).toEqual({ status: 'error', error: 'access_denied' });
      });
    });

    describe('without a result', () => {
      it('hears that the pop-up was closed', async () => {
        const { page } = await atProduct();
        const popup = await openPopup(page, { url: await link() });
        await popup.getByRole('button', { name: 'Not now' }).waitFor();
        await popup.close();
        expect(await resultOf(page)).toEqual({ status: 'error', error: 'closed' });
      });

      it('hears that the time is up, and closes the pop-up', async () => {
        const { page } = await atProduct();
        const popup = await openPopup(page, { url: await link(), timeoutSeconds: 0.2 });
        if (!popup.isClosed()) await popup.waitForEvent('close');
        expect(await resultOf(page)).toEqual({ status: 'error', error: 'timeout' });
      });

      it('waits, however long it is willing to', async () => {
        const { page } = await atProduct();
        const popup = await openPopup(page, { url: await link(), timeoutSeconds: 1e9 });
        await approve(popup);
        expect(await resultOf(page)).toEqual(CONNECTED);
      });

      it.each([
        ['fails', `async () => { throw new RangeError('no session'); }`, 'RangeError'],
        ['gives no address', 'async () => undefined', 'TypeError'],
        ['gives a script', `async () => 'javascript:opener.stolen = 1'`, 'TypeError'],
      ])('rejects and closes the pop-up if the function that fetches the link %s', async (_, url, error) => {
        const { page } = await atProduct();
        const opened = page.waitForEvent('popup');
        const rejected = page.evaluate(`Metavault.connect({ url: ${url} }).catch(({ name }) => name)`);
        const popup = await opened;
        expect(await rejected).toBe(error);
        await until(() => popup.isClosed());
        expect(await page.evaluate('window.stolen')).toBeUndefined();
      });

      it('gets the customer back on the return_url if the pop-up lost the page that opened it', async () => {
        const { page } = await atProduct();
        const popup = await openPopup(page, { url: await link() });
        await popup.waitForURL(`${testContext().sandbox.url}/**`);
        await popup.evaluate('window.opener = null');
        await approve(popup);
        await popup.waitForURL((url) => url.href.startsWith(`${testContext().returnUrl}?status=connected`));
      });
    });

    describe('leads the customer through a full page', () => {
      it.each([
        ['on a phone', PHONE, ''],
        ['where pop-ups are blocked', {}, 'window.open = () => null'],
      ])('%s', async (_, settings, before) => {
        const { page, context } = await atProduct(settings, before);
        await page.evaluate(`void Metavault.connect({ url: async () => '${await link()}' })`);
        await page.waitForURL(`${testContext().sandbox.url}/**`);
        expect(context.pages()).toHaveLength(1);
        await approve(page);
        await page.waitForURL((url) => url.href.startsWith(`${testContext().returnUrl}?status=connected`));
      });

      it('if it asks for one', async () => {
        const { page } = await atProduct();
        await page.evaluate(`void Metavault.connect({ url: '${await link()}', display: 'page' })`);
        await page.waitForURL(`${testContext().sandbox.url}/**`);
      });
    });

    describe('of another origin', () => {
      it('learns nothing of a session that it opened', async () => {
        const other = await listen((_, response) => response.setHeader('Content-Type', 'text/html').end('<p>Other'));
        try {
          const { page } = await visitor();
          await page.goto(other.url);
          await listenTo(page);
          const opened = page.waitForEvent('popup');
          await page.evaluate(`void open('${await link()}?display=popup')`);
          const popup = await opened;
          await approve(popup);
          await popup.getByRole('heading', { name: 'Connected' }).waitFor();
          // Messages arrive in the order sent, and by now the page's own script has sent its message, if any.
          await popup.waitForLoadState();
          await popup.evaluate(`opener.postMessage('later', '*')`);
          await hears(page, [testContext().listensAt]);
        } finally {
          await other.close();
        }
      });

      it('cannot forge a result, nor can other windows of the service', async () => {
        const { page, context } = await atProduct();
        await listenTo(page);
        const popup = await openPopup(page, { url: await link() });
        await popup.waitForURL(`${testContext().sandbox.url}/**`);
        const post = (from: Page) => from.evaluate(`opener.postMessage(${JSON.stringify(FORGED)}, '*')`);
        // The right window at the wrong origin, the page itself, and the right origin in a wrong window.
        await post(popup);
        await page.evaluate(`postMessage(${JSON.stringify(FORGED)}, '*')`);
        const opened = context.waitForEvent('page');
        await page.evaluate(`void open('${await link({ confirm: true })}?display=popup')`);
        const window = await opened;
        await window.getByRole('button', { name: 'Continue to Facebook' }).waitFor();
        await post(window);
        const { sandbox, listensAt } = testContext();
        await hears(page, [sandbox.url, new URL(productUrl()).origin, listensAt]);
        expect(await page.evaluate('window.result')).toBeNull();
        await approve(popup);
        expect(await resultOf(page)).toEqual(CONNECTED);
      });
    });

    describe.each(['docs/clients.md', 'clients/browser/README.md'])('as %s shows it', (document) => {
      const blocks = [...readFileSync(path.join(ROOT, document), 'utf8').matchAll(/^```html\n([\s\S]*?)^```$/gm)];
      const MODULES = '<script type="importmap">{"imports":{"@metavault/connect":"/connect-module.js"}}</script>';

      it.each(blocks.map(([, block = '']) => block))('connects: %#', async (block) => {
        const { page } = await visitor();
        await page.route('**/connect-module.js', (route) =>
          route.fulfill({ path: path.join(ROOT, 'clients/browser/dist/connect.js'), contentType: 'text/javascript' }),
        );
        const { connect_url } = await session();
        await page.route('**/connect-session', (route) => route.fulfill({ json: { connect_url } }));
        await page.goto(productUrl());
        await page.setContent(MODULES + block.replaceAll('https://metavault.example', testContext().listensAt));
        const opened = page.waitForEvent('popup');
        await page.getByRole('button', { name: 'Connect Facebook' }).click();
        await approve(await opened);
        await page.getByRole('status').filter({ hasText: 'Connected' }).waitFor();
      });
    });
  },
);
