import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { UnfinishedSignupJob } from '../../src/connect/unfinished/unfinished-signup.job.ts';
import { ConnectionRepository } from '../../src/connections/connection/connection.repository.ts';
import type { SettingsPatch } from '../../src/sandbox/state/sandbox-settings.ts';
import { api, countCodeExchanges, createSession } from '../support/connect-test-context.ts';
import {
  type BrowserTest,
  type BrowserTestContext,
  describeInBrowser,
  type Visitor,
} from '../support/describe-in-browser.ts';

const CONFIG_ID = '777000777000';
const SCOPES = ['whatsapp_business_management', 'whatsapp_business_messaging'];
const WABA = '310000000000402';
const PHONE = '320000000000403';
const ENVIRONMENT = { META_LOGIN_CONFIG_ID_WHATSAPP: CONFIG_ID };
const SDK_FILES = '**/connect.facebook.net/**';
const LEFT = /not completed, so nothing was connected/;

/** Texts and buttons of our page. */
const text = (page: Page) => page.getByRole('status');
const button = (page: Page, name = 'Continue with Facebook') => page.getByRole('button', { name });
const says = (page: Page, words: RegExp) => text(page).filter({ hasText: words }).waitFor();

const sessionOf = (testContext: BrowserTestContext, body: Record<string, unknown> = {}) =>
  createSession(testContext, {
    product: 'whatsapp',
    flow: 'embedded_signup',
    return_url: testContext.returnUrl,
    ...body,
  });

async function cameBack(testContext: BrowserTestContext, page: Page): Promise<URL> {
  await page.waitForURL((url) => url.href.startsWith(`${testContext.returnUrl}?`));
  return new URL(page.url());
}

async function assetsOf(testContext: BrowserTestContext, end: URL): Promise<string[]> {
  expect(end.searchParams.get('status')).toBe('connected');
  const id = end.searchParams.get('connection_id') ?? '';
  const connection = await testContext.replica.app.get(ConnectionRepository).findAcrossTenants(id);
  return (connection?.assets ?? []).map((asset) => asset.id).sort();
}

/** Hides Meta's session message from the page, as an old version of the pop-up does. */
const SWALLOW = `addEventListener('message', (event) => {
  if (String(event.data).includes('WA_EMBEDDED_SIGNUP')) event.stopImmediatePropagation();
}, true)`;

function signup({ testContext, visitor }: BrowserTest): void {
  beforeAll(() => {
    testContext().sandbox.state.addConfiguration({
      id: CONFIG_ID,
      tokenType: 'system_user',
      scopes: SCOPES,
      expiresIn: null,
    });
  });

  const meta = (embeddedSignup: SettingsPatch['embeddedSignup'] = {}) =>
    testContext().sandbox.state.patchSettings({ embeddedSignup });
  const open = async (user: Visitor, body: Record<string, unknown> = {}) => {
    await user.page.goto((await sessionOf(testContext(), body)).connect_url);
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
    // The next one has the same name: while this one is closing, it could be picked up instead.
    const closed = popup.waitForEvent('close');
    await popup.getByRole('button', { name: 'Not now' }).click();
    await closed;
  };

  describe('a successful signup', () => {
    it.each([
      ['FINISH', undefined],
      ['FINISH', 'callback_first'],
      ['FINISH_ONLY_WABA', undefined],
      ['FINISH_WHATSAPP_BUSINESS_APP_ONBOARDING', 'callback_first'],
    ] as const)('with the event %s (%s)', async (event, order) => {
      meta({ event, ...(order === undefined ? {} : { order }) });
      const user = await visitor();
      await open(user, { tenant: `wa-${event}` });
      const posted = user.page.waitForRequest((request) => request.url().includes('/complete?'));
      await approve(user.page);
      const { code, ...ids } = (await posted).postDataJSON() as Record<string, string>;
      expect(code).toMatch(/^AQ/);
      expect(ids).toEqual({
        event,
        waba_id: WABA,
        business_id: '300000000000401',
        ...(event === 'FINISH_ONLY_WABA' ? {} : { phone_number_id: PHONE }),
      });
      const end = await cameBack(testContext(), user.page);
      expect(await assetsOf(testContext(), end)).toEqual([WABA, PHONE]);
      expect(testContext().returns).toEqual([
        { url: expect.not.stringContaining('code='), referer: `${testContext().listensAt}/` },
      ]);
    });

    it('without the session message, by discovering what the token reaches', async () => {
      meta();
      const user = await visitor();
      await user.context.addInitScript(SWALLOW);
      await open(user);
      await approve(user.page);
      expect(await assetsOf(testContext(), await cameBack(testContext(), user.page))).toEqual([WABA, PHONE]);
    });

    it('on our page if there is no return_url, by keyboard, on a phone', async () => {
      meta();
      const user = await visitor({ viewport: { width: 320, height: 568 } });
      await open(user, { return_url: undefined });
      await button(user.page).waitFor();
      await expectEnabled(user.page);
      expect(await button(user.page, 'Leave').count()).toBe(0);
      const popup = user.page.waitForEvent('popup');
      await user.page.keyboard.press('Tab');
      await user.page.keyboard.press('Enter');
      await (await popup).getByRole('button', { name: 'Continue' }).click();
      await user.page.getByRole('heading', { name: 'Connected' }).waitFor();
      expect(user.page.url()).toMatch(/\/connect\/cns_[^/]+\/done\?attempt=[0-9a-f]{16}$/);
    });

    it('even if the connection dropped while the code was being sent', async () => {
      meta();
      const user = await visitor();
      let lost = 0;
      await user.page.route('**/complete?**', async (route) => {
        lost += 1;
        if (lost > 1) return route.continue();
        // The first delivery arrives, but its response does not.
        await route.fetch();
        return route.abort('connectionreset');
      });
      await open(user);
      const before = countCodeExchanges(testContext());
      await approve(user.page);
      await assetsOf(testContext(), await cameBack(testContext(), user.page));
      expect([lost, countCodeExchanges(testContext()) - before]).toEqual([2, 1]);
      expect(user.pageErrors.splice(0)).toEqual([expect.stringContaining('ERR_CONNECTION_RESET')]);
    });
  });

  describe('an unsuccessful signup', () => {
    it('canceled, and retried', async () => {
      meta();
      const user = await visitor();
      await open(user);
      await deny(user.page);
      await says(user.page, LEFT);
      await approve(user.page, 'Try again');
      await assetsOf(testContext(), await cameBack(testContext(), user.page));
    });

    it('abandoned', async () => {
      const user = await visitor();
      await open(user);
      await deny(user.page);
      await button(user.page, 'Leave').click();
      expect((await cameBack(testContext(), user.page)).search).toBe('?status=error&error=access_denied');
    });

    it.each([
      ['CANCEL', undefined],
      ['ERROR', 'callback_first'],
    ] as const)('ended with an error report: %s (%s)', async (event, order) => {
      const data = { error_message: 'Phone <b>taken</b>', error_code: '2655121', session_id: 'f34b-51' };
      meta({ event, data, ...(order === undefined ? {} : { order }) });
      const user = await visitor();
      await open(user);
      const popup = await popupOf(user.page);
      const gone = popup.waitForEvent('close');
      await popup.getByRole('button', { name: 'Not now' }).click();
      await gone;
      await button(user.page, 'Try again').waitFor();
      await says(user.page, /^Meta reported a problem, code 2655121, session f34b-51, so nothing was connected\.$/);
    });

    it('whose pop-up was closed', async () => {
      meta();
      const user = await visitor();
      await open(user);
      await (await popupOf(user.page)).close();
      await says(user.page, LEFT);
      await button(user.page, 'Try again').waitFor();
    });

    it('whose pop-up was blocked', async () => {
      const user = await visitor();
      await user.page.addInitScript('window.open = () => null');
      await open(user);
      await button(user.page).click();
      await says(user.page, /If no Meta window opened, allow pop-ups for this page/);
    });

    it('with a code that Meta refuses, and restarted', async () => {
      meta();
      testContext().sandbox.state.faults.add({
        match: { pathPattern: 'oauth/access_token' },
        times: 1,
        fault: { kind: 'graph_error', code: 100, subcode: 36007, message: 'This authorization code has expired.' },
      });
      const user = await visitor();
      await open(user, { return_url: undefined });
      await approve(user.page);
      await user.page.locator('code', { hasText: 'code_rejected' }).waitFor();
      await user.page.getByRole('link', { name: 'Start again' }).click();
      await approve(user.page);
      await user.page.getByRole('heading', { name: 'Connected' }).waitFor();
    });

    it('too late for its link', async () => {
      const user = await visitor();
      await open(user, { return_url: undefined });
      const popup = await popupOf(user.page);
      testContext().clock.advance(1801);
      await popup.getByRole('button', { name: 'Continue' }).click();
      await user.page.locator('code', { hasText: 'session_expired' }).waitFor();
      expect(await user.page.getByRole('link', { name: 'Start again' }).count()).toBe(0);
    });
  });

  it('shows the result of its own tab only', async () => {
    meta();
    const user = await visitor();
    const { connect_url: address } = await sessionOf(testContext());
    const second = await user.context.newPage();
    await user.page.goto(address);
    await second.goto(address);
    await user.page.bringToFront();
    await deny(user.page);
    await button(user.page, 'Leave').click();
    expect((await cameBack(testContext(), user.page)).searchParams.get('error')).toBe('access_denied');
    await second.bringToFront();
    await approve(second);
    expect(await assetsOf(testContext(), await cameBack(testContext(), second))).toEqual([WABA, PHONE]);
  });

  it('reports a blocked SDK, and continues once it is no longer blocked', async () => {
    meta();
    const user = await visitor();
    await user.context.route(SDK_FILES, (route) => route.abort('blockedbyclient'));
    await open(user);
    await says(user.page, /part of this page did not load/);
    await user.context.unroute(SDK_FILES);
    user.pageErrors.length = 0;
    await button(user.page, 'Load again').click();
    await approve(user.page);
    await assetsOf(testContext(), await cameBack(testContext(), user.page));
  });
}

/** The flow without SDK and pop-up. */
function fullPage({ testContext, visitor }: BrowserTest): void {
  const meta = (embeddedSignup: SettingsPatch['embeddedSignup'] = {}) =>
    testContext().sandbox.state.patchSettings({ embeddedSignup });
  const sessionStatus = async (id: string) =>
    (await api(testContext()).get(`/v1/connect-sessions/${id}`)).body as Record<string, unknown>;
  const link = (page: Page, name = 'Continue on the full page') => page.getByRole('link', { name });
  /** Meta's dialog in the same window. */
  const continueThere = async (page: Page, assets = [WABA, PHONE]) => {
    await page.waitForURL(/dialog\/oauth/);
    await page.getByRole('button', { name: 'Continue' }).click();
    expect(await assetsOf(testContext(), await cameBack(testContext(), page))).toEqual(expect.arrayContaining(assets));
  };

  it('is offered at once if the SDK is blocked', async () => {
    meta();
    const user = await visitor();
    await user.context.route(SDK_FILES, (route) => route.abort('blockedbyclient'));
    const session = await sessionOf(testContext());
    await user.page.goto(session.connect_url);
    await link(user.page).click();
    await continueThere(user.page);
    user.pageErrors.length = 0;
    expect(await sessionStatus(session.id)).toMatchObject({ status: 'connected', error: null });
  });

  it("is offered if the SDK doesn't load for a while", async () => {
    const user = await visitor();
    await user.page.clock.install();
    await user.context.route(SDK_FILES, () => undefined);
    await user.page.goto((await sessionOf(testContext())).connect_url, { waitUntil: 'commit' });
    await link(user.page, 'Use the full page instead').waitFor();
    await user.page.clock.fastForward(15_000);
    await says(user.page, /part of this page did not load/);
    await link(user.page).waitFor();
  });

  it('is available to anyone who prefers it, also on a phone', async () => {
    meta();
    const user = await visitor({ viewport: { width: 320, height: 568 } });
    await user.page.goto((await sessionOf(testContext())).connect_url);
    await link(user.page, 'Use the full page instead').click();
    await continueThere(user.page);
  });

  it('is the only way without JavaScript', async () => {
    meta();
    const user = await visitor({ javaScriptEnabled: false });
    await user.page.goto((await sessionOf(testContext())).connect_url);
    expect(await user.page.getByRole('button').count()).toBe(0);
    await link(user.page).click();
    await continueThere(user.page);
  });

  it('is offered if no code arrives within a minute, even if the pop-up says nothing', async () => {
    meta({ code: 'silent', message: 'lost' });
    const user = await visitor();
    await user.page.clock.install();
    await user.page.goto((await sessionOf(testContext())).connect_url);
    const opened = user.page.waitForEvent('popup');
    await button(user.page).click();
    const popup = await opened;
    const closed = popup.waitForEvent('close');
    await popup.getByRole('button', { name: 'Continue' }).click();
    await closed;
    expect(await link(user.page).count()).toBe(0);
    await user.page.clock.fastForward(60_000);
    await says(user.page, /Still waiting for the Meta window/);
    meta();
    await link(user.page).click();
    await continueThere(user.page);
  });

  it('repairs a signup whose pop-up lost the code, which its session shows meanwhile', async () => {
    // An account that no other test connects.
    meta({ code: 'lost', phone: 'unverified' });
    const user = await visitor();
    const session = await sessionOf(testContext(), { tenant: 'lost-code' });
    await user.page.goto(session.connect_url);
    const reported = user.page.waitForResponse((response) => response.url().includes('/report?'));
    const opened = user.page.waitForEvent('popup');
    await button(user.page).click();
    await (await opened).getByRole('button', { name: 'Continue' }).click();
    expect((await reported).status()).toBe(204);
    await says(user.page, /Meta completed the signup, but its window did not return the result/);
    expect(await sessionStatus(session.id)).toMatchObject({ status: 'open', unfinished: null });

    const { state } = testContext().sandbox;
    const [waba = ''] = [...state.store.wabas.values()].flatMap(({ id, madeFor }) =>
      madeFor === 'unverified' ? id : [],
    );
    const sent = await state.whatsapp.announce(waba, { url: `${testContext().listensAt}/webhooks/meta` });
    expect(sent.status).toBe(200);
    testContext().clock.advance(121);
    await testContext().replica.app.get(UnfinishedSignupJob).decideDue();
    expect(await sessionStatus(session.id)).toMatchObject({
      status: 'unfinished',
      unfinished: { waba_id: waba, business_id: '300000000000401', remedy: expect.any(String) },
    });

    await link(user.page).click();
    await continueThere(user.page, [waba]);
    expect(await sessionStatus(session.id)).toMatchObject({ status: 'connected', unfinished: null });
  });
}

async function expectEnabled(page: Page): Promise<void> {
  await page.locator('#start:enabled').waitFor();
}

describeInBrowser('a user in a browser, through Embedded Signup', ENVIRONMENT, signup);
describeInBrowser('Embedded Signup as a full page', {}, fullPage);

describeInBrowser(
  "Embedded Signup with Meta's own addresses",
  { ...ENVIRONMENT, META_DIALOG_URL: 'https://www.facebook.com' },
  ({ testContext, visitor }) => {
    /** What the real SDK does to a page: loads more scripts, calls home, frames facebook.com. */
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
    fetch('https://graph.facebook.com/v26.0/app_events');`;

    it('loads the SDK with the parameters of /meta/config, and trusts only Meta', async () => {
      const { page, context, pageErrors } = await visitor();
      const asked: string[] = [];
      await context.route(/^https:\/\/[a-z]+\.facebook\.(com|net)\//, async (route) => {
        const url = new URL(route.request().url());
        asked.push(url.host);
        const body = url.host !== 'connect.facebook.net' ? '{}' : url.search === '' ? SDK : REST;
        const contentType = url.host === 'connect.facebook.net' ? 'text/javascript' : 'application/json';
        await route.fulfill({ contentType, body, headers: { 'Access-Control-Allow-Origin': '*' } });
      });
      await page.goto((await sessionOf(testContext())).connect_url);
      await expectEnabled(page);
      await button(page).click();
      const config = (await (await fetch(`${testContext().listensAt}/meta/config`)).json()) as Record<string, unknown>;
      expect(await page.evaluate('JSON.parse(JSON.stringify(window.given))')).toEqual({
        init: { appId: config['app_id'], version: config['graph_api_version'], autoLogAppEvents: true, xfbml: true },
        login: {
          config_id: CONFIG_ID,
          response_type: 'code',
          override_default_response_type: true,
          extras: {},
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
        testContext().listensAt,
      ]) {
        await tell(origin, finish('666'));
      }
      for (const noise of ['cb=f1&relation=opener', '', '{', 'null', '[]', 7, null, { type: 'other' }]) {
        await tell('https://www.facebook.com', noise);
      }
      await tell('https://business.facebook.com', finish(WABA, 'FINISH_OBO_MIGRATION'));
      // The page also posts a report of the message, which may still be on its way.
      const posted = page.waitForRequest((request) => new URL(request.url()).pathname.endsWith('/complete'));
      await page.evaluate(`window.finish({ authResponse: { code: 'AQforged' } })`);
      expect((await posted).postDataJSON()).toEqual({
        code: 'AQforged',
        event: 'FINISH_OBO_MIGRATION',
        waba_id: WABA,
      });
      expect((await cameBack(testContext(), page)).search).toBe('?status=error&error=code_rejected');
      expect(pageErrors).toEqual([]);
    });

    it('runs nothing that is not from us or Meta', async () => {
      const { page, context, pageErrors } = await visitor();
      await context.route(/^https:\/\/[a-z]+\.facebook\.(com|net)\//, (route) => route.fulfill({ body: '' }));
      await page.goto((await sessionOf(testContext())).connect_url);
      const failed = page.evaluate(`new Promise((resolve) => {
        document.body.insertAdjacentHTML('beforeend', '<img src="x" onerror="window.ran = 1">');
        document.querySelector('img').addEventListener('error', resolve);
      })`);
      await failed;
      expect(await page.evaluate(`fetch('https://evil.example/').then(() => 'sent', () => 'refused')`)).toBe('refused');
      expect(await page.evaluate('window.ran')).toBeUndefined();
      const refused = pageErrors.splice(0).join();
      expect(refused).toContain('Executing inline event handler violates');
      expect(refused).toContain("Connecting to 'https://evil.example/' violates");
    });
  },
);
