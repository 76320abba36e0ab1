import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { ConnectionReader } from '../../src/connections/connection/connection.repository.ts';
import { codeExchanges, createSession } from '../support/connect-test-context.ts';
import { type BrowserStage, type Browsing, describeInBrowser, type Visitor } from '../support/describe-in-browser.ts';

const CONFIG_ID = '777000777000';
const SCOPES = ['whatsapp_business_management', 'whatsapp_business_messaging'];
const WABA = '310000000000402';
const PHONE = '320000000000403';
const ENVIRONMENT = { META_LOGIN_CONFIG_ID_WHATSAPP: CONFIG_ID };
const LEFT = /left before its end, so nothing was connected/;

/** The words and buttons of our page. */
const text = (page: Page) => page.getByRole('status');
const button = (page: Page, name = 'Continue with Facebook') => page.getByRole('button', { name });
const says = (page: Page, words: RegExp) => text(page).filter({ hasText: words }).waitFor();

const sessionOf = (stage: BrowserStage, body: Record<string, unknown> = {}) =>
  createSession(stage, { product: 'whatsapp', flow: 'embedded_signup', return_url: stage.returnUrl, ...body });

async function cameBack(stage: BrowserStage, page: Page): Promise<URL> {
  await page.waitForURL((url) => url.href.startsWith(`${stage.returnUrl}?`));
  return new URL(page.url());
}

async function assetsOf(stage: BrowserStage, end: URL): Promise<string[]> {
  expect(end.searchParams.get('status')).toBe('connected');
  const id = end.searchParams.get('connection_id') ?? '';
  const connection = await stage.replica.app.get(ConnectionReader).findAcrossTenants(id);
  return (connection?.assets ?? []).map((asset) => asset.id).sort();
}

/** Keeps Meta's session message from the page, as where its window is of an old version. */
const SWALLOW = `addEventListener('message', (event) => {
  if (String(event.data).includes('WA_EMBEDDED_SIGNUP')) event.stopImmediatePropagation();
}, true)`;

function signup({ stage, visitor }: Browsing): void {
  beforeAll(() => {
    stage().sandbox.state.addConfiguration({
      id: CONFIG_ID,
      tokenType: 'system_user',
      scopes: SCOPES,
      expiresIn: null,
    });
  });

  const meta = (embeddedSignup: { event?: string; order?: 'callback_first'; data?: Record<string, unknown> } = {}) =>
    stage().sandbox.state.patchSettings({
      embeddedSignup: { event: 'FINISH', order: 'message_first', data: null, ...embeddedSignup },
    });
  const open = async (person: Visitor, body: Record<string, unknown> = {}) => {
    await person.page.goto((await sessionOf(stage(), body)).connect_url);
  };
  const popupOf = async (page: Page, name?: string): Promise<Page> => {
    const opened = page.waitForEvent('popup');
    await button(page, name).click();
    return opened;
  };
  const approve = async (page: Page, name?: string) =>
    (await popupOf(page, name)).getByRole('button', { name: 'Continue' }).click();
  const deny = async (page: Page) => {
    const popup = await popupOf(page);
    // The next one has the same name: while this one still closes, it would be taken in its place.
    const closed = popup.waitForEvent('close');
    await popup.getByRole('button', { name: 'Not now' }).click();
    await closed;
  };

  describe('a signup that succeeds', () => {
    it.each([
      ['FINISH', undefined],
      ['FINISH', 'callback_first'],
      ['FINISH_ONLY_WABA', undefined],
      ['FINISH_WHATSAPP_BUSINESS_APP_ONBOARDING', 'callback_first'],
    ] as const)('with the event %s (%s)', async (event, order) => {
      meta({ event, ...(order === undefined ? {} : { order }) });
      const person = await visitor();
      await open(person, { tenant: `wa-${event}` });
      const posted = person.page.waitForRequest((request) => request.method() === 'POST');
      await approve(person.page);
      const { code, ...ids } = (await posted).postDataJSON() as Record<string, string>;
      expect(code).toMatch(/^AQ/);
      expect(ids).toEqual({
        waba_id: WABA,
        business_id: '300000000000401',
        ...(event === 'FINISH_ONLY_WABA' ? {} : { phone_number_id: PHONE }),
      });
      const end = await cameBack(stage(), person.page);
      expect(await assetsOf(stage(), end)).toEqual([WABA, PHONE]);
      expect(stage().returns).toEqual([
        { url: expect.not.stringContaining('code='), referer: `${stage().listensAt}/` },
      ]);
    });

    it('without the session message: what the token may reach is found out', async () => {
      meta();
      const person = await visitor();
      await person.context.addInitScript(SWALLOW);
      await open(person);
      await approve(person.page);
      expect(await assetsOf(stage(), await cameBack(stage(), person.page))).toEqual([WABA, PHONE]);
    });

    it('on a page of ours where there is no way back, by keyboard, on a phone', async () => {
      meta();
      const person = await visitor({ viewport: { width: 320, height: 568 } });
      await open(person, { return_url: undefined });
      await button(person.page).waitFor();
      await expectEnabled(person.page);
      const popup = person.page.waitForEvent('popup');
      await person.page.keyboard.press('Tab');
      await person.page.keyboard.press('Enter');
      await (await popup).getByRole('button', { name: 'Continue' }).click();
      await person.page.getByRole('heading', { name: 'Connected' }).waitFor();
      expect(person.page.url()).toMatch(/\/connect\/[^/]+\/result\?attempt=[0-9a-f]{16}$/);
    });

    it('though the line broke while the code was on its way', async () => {
      meta();
      const person = await visitor();
      let lost = 0;
      await person.page.route('**/complete?**', async (route) => {
        lost += 1;
        if (lost > 1) return route.continue();
        // The first delivery arrives; its answer does not.
        await route.fetch();
        return route.abort('connectionreset');
      });
      await open(person);
      const before = codeExchanges(stage());
      await approve(person.page);
      await assetsOf(stage(), await cameBack(stage(), person.page));
      expect([lost, codeExchanges(stage()) - before]).toEqual([2, 1]);
      expect(person.complaints.splice(0)).toEqual([expect.stringContaining('ERR_CONNECTION_RESET')]);
    });
  });

  describe('a signup that does not', () => {
    it('was cancelled, and may be tried again', async () => {
      meta();
      const person = await visitor();
      await open(person);
      await deny(person.page);
      await says(person.page, LEFT);
      await approve(person.page, 'Try again');
      await assetsOf(stage(), await cameBack(stage(), person.page));
    });

    it('was left for good', async () => {
      const person = await visitor();
      await open(person);
      await deny(person.page);
      await button(person.page, 'Leave').click();
      expect((await cameBack(stage(), person.page)).search).toBe('?status=error&error=access_denied');
    });

    it.each([
      ['CANCEL', undefined],
      ['ERROR', 'callback_first'],
    ] as const)('ended with the report of an error: %s (%s)', async (event, order) => {
      const data = { error_message: 'Phone <b>taken</b>', error_code: '2655121', session_id: 'f34b-51' };
      meta({ event, data, ...(order === undefined ? {} : { order }) });
      const person = await visitor();
      await open(person);
      const popup = await popupOf(person.page);
      const gone = popup.waitForEvent('close');
      await popup.getByRole('button', { name: 'Not now' }).click();
      await gone;
      await button(person.page, 'Try again').waitFor();
      await says(person.page, /^Meta reported a problem, code 2655121, session f34b-51, so nothing was connected\.$/);
    });

    it('had its window closed', async () => {
      meta();
      const person = await visitor();
      await open(person);
      await (await popupOf(person.page)).close();
      await says(person.page, LEFT);
      await button(person.page, 'Try again').waitFor();
    });

    it('had its window blocked', async () => {
      const person = await visitor();
      await person.page.addInitScript('window.open = () => null');
      await open(person);
      await button(person.page).click();
      await says(person.page, /If no window of Meta opened, allow pop-ups for this page/);
    });

    it('had a code that Meta refuses, and may begin again', async () => {
      meta();
      stage().sandbox.state.faults.add({
        match: { pathPattern: 'oauth/access_token' },
        times: 1,
        fault: { kind: 'graph_error', code: 100, subcode: 36007, message: 'This authorization code has expired.' },
      });
      const person = await visitor();
      await open(person, { return_url: undefined });
      await approve(person.page);
      await person.page.locator('code', { hasText: 'code_rejected' }).waitFor();
      await person.page.getByRole('link', { name: 'Start again' }).click();
      await approve(person.page);
      await person.page.getByRole('heading', { name: 'Connected' }).waitFor();
    });

    it('came too late for its link', async () => {
      const person = await visitor();
      await open(person, { return_url: undefined });
      const popup = await popupOf(person.page);
      stage().clock.advance(1801);
      await popup.getByRole('button', { name: 'Continue' }).click();
      await person.page.locator('code', { hasText: 'session_expired' }).waitFor();
      expect(await person.page.getByRole('link', { name: 'Start again' }).count()).toBe(0);
    });
  });

  it('answers for its own tab only', async () => {
    meta();
    const person = await visitor();
    const { connect_url: address } = await sessionOf(stage());
    const second = await person.context.newPage();
    await person.page.goto(address);
    await second.goto(address);
    await person.page.bringToFront();
    await deny(person.page);
    await button(person.page, 'Leave').click();
    expect((await cameBack(stage(), person.page)).searchParams.get('error')).toBe('access_denied');
    await second.bringToFront();
    await approve(second);
    expect(await assetsOf(stage(), await cameBack(stage(), second))).toEqual([WABA, PHONE]);
  });

  it('says so where the SDK is blocked, and goes on when it no longer is', async () => {
    meta();
    const person = await visitor();
    const sdk = '**/connect.facebook.net/**';
    await person.context.route(sdk, (route) => route.abort('blockedbyclient'));
    await open(person);
    await says(person.page, /part of this page did not load/);
    await person.context.unroute(sdk);
    person.complaints.length = 0;
    await button(person.page, 'Load again').click();
    await approve(person.page);
    await assetsOf(stage(), await cameBack(stage(), person.page));
  });
}

async function expectEnabled(page: Page): Promise<void> {
  await page.locator('#start:enabled').waitFor();
}

describeInBrowser('a person with a browser, through Embedded Signup', ENVIRONMENT, signup);

describeInBrowser(
  "Embedded Signup with Meta's own addresses",
  { ...ENVIRONMENT, META_DIALOG_URL: 'https://www.facebook.com' },
  ({ stage, visitor }) => {
    /** What the real SDK does to a page: loads more of itself, calls home, frames facebook.com. */
    const SDK = `(() => {
      const more = document.createElement('script');
      more.src = 'https://connect.facebook.net/en_US/sdk.js?hash=1';
      more.onload = () => window.fbAsyncInit();
      document.head.append(more);
    })();`;
    const REST = `window.FB = {
      init: (options) => { window.given = { init: options }; },
      login: (callback, options) => { window.given.login = options; window.finish = callback; }
    };
    const frame = document.createElement('iframe');
    frame.src = 'https://staticxx.facebook.com/x/connect/xd_arbiter/';
    document.body.append(frame);
    fetch('https://graph.facebook.com/v25.0/app_events');`;

    it('loads the SDK with what /meta/config says, and trusts nobody but Meta', async () => {
      const { page, context, complaints } = await visitor();
      const asked: string[] = [];
      await context.route(/^https:\/\/[a-z]+\.facebook\.(com|net)\//, async (route) => {
        const url = new URL(route.request().url());
        asked.push(url.host);
        const body = url.host !== 'connect.facebook.net' ? '{}' : url.search === '' ? SDK : REST;
        const contentType = url.host === 'connect.facebook.net' ? 'text/javascript' : 'application/json';
        await route.fulfill({ contentType, body, headers: { 'Access-Control-Allow-Origin': '*' } });
      });
      await page.goto((await sessionOf(stage())).connect_url);
      await expectEnabled(page);
      await button(page).click();
      const config = (await (await fetch(`${stage().listensAt}/meta/config`)).json()) as Record<string, unknown>;
      expect(await page.evaluate('JSON.parse(JSON.stringify(window.given))')).toEqual({
        init: { appId: config['app_id'], version: config['graph_api_version'], autoLogAppEvents: true, xfbml: true },
        login: {
          config_id: CONFIG_ID,
          response_type: 'code',
          override_default_response_type: true,
          extras: { setup: {} },
        },
      });
      expect([...new Set(asked)].sort()).toEqual([
        'connect.facebook.net',
        'graph.facebook.com',
        'staticxx.facebook.com',
      ]);
      const tell = (origin: string, data: unknown) =>
        page.evaluate(`dispatchEvent(new MessageEvent('message', ${JSON.stringify({ origin, data })}))`);
      const finish = (waba: string, event = 'FINISH') =>
        JSON.stringify({ type: 'WA_EMBEDDED_SIGNUP', event, data: { waba_id: waba } });
      for (const origin of [
        'https://evilfacebook.com',
        'https://www.facebook.com.evil.example',
        'http://www.facebook.com',
        'https://facebook.com.',
        'null',
        stage().listensAt,
      ]) {
        await tell(origin, finish('666'));
      }
      for (const noise of ['cb=f1&relation=opener', '', '{', 'null', '[]', 7, null, { type: 'other' }]) {
        await tell('https://www.facebook.com', noise);
      }
      await tell('https://business.facebook.com', finish(WABA, 'FINISH_OBO_MIGRATION'));
      const posted = page.waitForRequest((request) => request.method() === 'POST');
      await page.evaluate(`window.finish({ authResponse: { code: 'AQforged' } })`);
      expect((await posted).postDataJSON()).toEqual({ code: 'AQforged', waba_id: WABA });
      expect((await cameBack(stage(), page)).search).toBe('?status=error&error=code_rejected');
      expect(complaints).toEqual([]);
    });

    it('lets nothing run that did not come from us or from Meta', async () => {
      const { page, context, complaints } = await visitor();
      await context.route(/^https:\/\/[a-z]+\.facebook\.(com|net)\//, (route) => route.fulfill({ body: '' }));
      await page.goto((await sessionOf(stage())).connect_url);
      const failed = page.evaluate(`new Promise((resolve) => {
        document.body.insertAdjacentHTML('beforeend', '<img src="x" onerror="window.ran = 1">');
        document.querySelector('img').addEventListener('error', resolve);
      })`);
      await failed;
      expect(await page.evaluate(`fetch('https://evil.example/').then(() => 'sent', () => 'refused')`)).toBe('refused');
      expect(await page.evaluate('window.ran')).toBeUndefined();
      const refused = complaints.splice(0).join();
      expect(refused).toContain('Executing inline event handler violates');
      expect(refused).toContain("Connecting to 'https://evil.example/' violates");
    });
  },
);
