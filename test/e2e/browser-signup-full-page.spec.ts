import { expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { UnfinishedSignupJob } from '../../src/connect/unfinished/unfinished-signup.job.ts';
import type { SettingsPatch } from '../../src/sandbox/state/sandbox-settings.ts';
import { api } from '../support/connect-test-context.ts';
import { type BrowserTest, describeInBrowser } from '../support/describe-in-browser.ts';
import {
  assetsOf,
  button,
  cameBack,
  PHONE,
  SDK_FILES,
  says,
  sessionOf,
  WABA,
} from '../support/embedded-signup-pages.ts';

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

describeInBrowser('Embedded Signup as a full page', {}, fullPage);
