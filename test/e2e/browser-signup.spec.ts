import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import type { SettingsPatch } from '../../src/sandbox/state/sandbox-settings.ts';
import { countCodeExchanges } from '../support/connect-test-context.ts';
import { type BrowserTest, describeInBrowser, type Visitor } from '../support/describe-in-browser.ts';
import {
  assetsOf,
  button,
  CONFIG_ID,
  cameBack,
  ENVIRONMENT,
  expectEnabled,
  LEFT,
  PHONE,
  SCOPES,
  SDK_FILES,
  says,
  sessionOf,
  WABA,
} from '../support/embedded-signup-pages.ts';

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

describeInBrowser('a user in a browser, through Embedded Signup', ENVIRONMENT, signup);
