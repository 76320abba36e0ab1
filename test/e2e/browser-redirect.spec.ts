import { describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { ConnectionRepository } from '../../src/connections/connection/connection.repository.ts';
import { completeDialog, countCodeExchanges, createSession, TestBrowser } from '../support/connect-test-context.ts';
import { describeInBrowser, type Visitor } from '../support/describe-in-browser.ts';

describeInBrowser('a user in a browser, through the redirect flow', {}, ({ testContext, visitor }) => {
  const link = async (body: Record<string, unknown> = {}) =>
    (await createSession(testContext(), { return_url: testContext().returnUrl, ...body })).connect_url;
  const back = (page: Page, query = '') =>
    page.waitForURL((url) => url.href.startsWith(`${testContext().returnUrl}?${query}`));
  const approve = ({ page }: Pick<Visitor, 'page'>) => page.getByRole('button', { name: 'Continue' }).click();
  /** What a user sees on our final page: heading, the line below it, and the code for support. */
  const shown = async ({ page }: Visitor) => {
    await page.waitForURL(`${testContext().listensAt}/**`);
    const lines = await page.locator('main p').allInnerTexts();
    const code = page.locator('code').first();
    return {
      title: await page.title(),
      heading: await page.locator('h1').innerText(),
      remedy: lines[0] ?? '',
      code: (await code.count()) === 0 ? null : await code.innerText(),
    };
  };
  const view = (url: string) =>
    testContext()
      .replica.app.get(ConnectionRepository)
      .findAcrossTenants(new URL(url).searchParams.get('connection_id') ?? '');

  it('approves and returns to the product with a connection and nothing else', async () => {
    const visit = await visitor();
    await visit.page.goto(await link({ tenant: 'browser' }));
    const dialog = new URL(visit.page.url());
    expect(dialog.origin).toBe(testContext().sandbox.url);
    await approve(visit);
    await back(visit.page);
    const [returned, ...more] = testContext().returns;
    expect(more).toEqual([]);
    expect(returned?.referer).toBeNull();
    expect(returned?.url).toMatch(/^\/done\?status=connected&connection_id=con_[0-9a-z]{26}$/);
    expect(await view(visit.page.url())).toMatchObject({ status: 'active', tenant: 'browser' });
    // Neither code nor state remains where the next page or the back button could read it.
    const addresses = await visit.page.evaluate<string[]>('[document.referrer, location.href]');
    expect(addresses.join(' ')).not.toMatch(/code=|state=|oauth/);
  });

  it("holds a cookie that scripts can't read, for this host only", async () => {
    const visit = await visitor();
    await visit.page.goto(await link());
    const cookies = await visit.context.cookies();
    expect(cookies).toMatchObject([{ domain: 'localhost', path: '/', httpOnly: true, sameSite: 'Lax', secure: false }]);
    await visit.page.goto(`${testContext().listensAt}/problems/state_mismatch`);
    expect(await visit.page.evaluate<string>('document.cookie')).toBe('');
  });

  it('sees the result on our page if there is no return_url, and again after a reload', async () => {
    const visit = await visitor();
    await visit.page.goto(await link({ return_url: undefined }));
    await approve(visit);
    const before = await shown(visit);
    expect(before).toMatchObject({ title: 'Connected', heading: 'Connected', code: null });
    const exchanges = countCodeExchanges(testContext());
    await visit.page.reload();
    expect(await shown(visit)).toEqual(before);
    expect(countCodeExchanges(testContext())).toBe(exchanges);
  });

  it('goes back to the dialog and approves again: same connection', async () => {
    const visit = await visitor();
    await visit.page.goto(await link({ tenant: 'back' }));
    await approve(visit);
    await back(visit.page);
    await visit.page.goBack();
    await approve(visit);
    await back(visit.page);
    expect(testContext().returns).toHaveLength(2);
    expect(testContext().returns[1]).toEqual(testContext().returns[0]);
  });

  it('denies, then returns and approves', async () => {
    const address = await link({ tenant: 'denier' });
    const visit = await visitor();
    await visit.page.goto(address);
    await visit.page.getByRole('button', { name: 'Not now' }).click();
    await back(visit.page);
    expect(testContext().returns.map(({ url }) => url)).toEqual(['/done?status=error&error=access_denied']);
    await visit.page.goto(address);
    await approve(visit);
    await back(visit.page, 'status=connected&');
  });

  it('removes single permissions, and the connection shows it', async () => {
    const { id: user } = testContext().sandbox.state.make.user({ name: 'Chooser', pageIds: ['200000000000201'] });
    const visit = await visitor();
    await visit.page.goto(await link({ tenant: 'chooser' }));
    await visit.page.getByLabel('Continue as').selectOption(user);
    await visit.page.getByLabel('pages_show_list').uncheck();
    await approve(visit);
    await back(visit.page, 'status=connected&');
    expect(await view(visit.page.url())).toMatchObject({
      declined_scopes: ['pages_show_list'],
      status_reason: { code: 'scopes_missing', remedy: expect.stringContaining('Connect again') },
    });
  });

  it('continues in a second tab while the first waits', async () => {
    const address = await link({ tenant: 'tabs' });
    const visit = await visitor();
    const second = await visit.context.newPage();
    await visit.page.goto(address);
    await second.goto(address);
    expect(await visit.context.cookies()).toHaveLength(2);
    await visit.page.bringToFront();
    await approve(visit);
    await back(visit.page, 'status=connected&');
    await second.bringToFront();
    await approve({ page: second });
    await back(second, 'status=error&error=session_expired');
  });

  it('is unaffected by scanners that followed the link first', async () => {
    const address = await link();
    for (let scan = 0; scan < 3; scan++) await completeDialog(await new TestBrowser(testContext()).open(address));
    const visit = await visitor();
    await visit.page.goto(address);
    await approve(visit);
    await back(visit.page, 'status=connected&');
  });

  it('gets through without JavaScript, by keyboard', async () => {
    const visit = await visitor({ javaScriptEnabled: false });
    await visit.page.goto(await link({ return_url: undefined }));
    await visit.page.getByRole('button', { name: 'Continue' }).focus();
    await visit.page.keyboard.press('Enter');
    expect((await shown(visit)).heading).toBe('Connected');
  });

  describe('reads what is wrong and what to do', () => {
    it('with an expired link', async () => {
      const address = await link();
      testContext().clock.advance(601);
      const visit = await visitor();
      const response = await visit.page.goto(address);
      expect(response?.status()).toBe(410);
      expect(await shown(visit)).toEqual({
        title: 'This connect link has expired or was already used.',
        heading: 'This connect link has expired or was already used.',
        remedy: 'Go back to where you got the link and start again to get a new one.',
        code: 'session_expired',
      });
    });

    it('with a login started in another browser', async () => {
      const visit = await visitor();
      await visit.page.goto(await link());
      const callback = await completeDialog(new URL(visit.page.url()));
      const stranger = await visitor();
      const response = await stranger.page.goto(callback);
      expect(response?.status()).toBe(400);
      expect(await shown(stranger)).toMatchObject({
        heading: 'This is not the browser that started the login.',
        remedy: expect.stringContaining('with cookies enabled'),
        code: 'state_mismatch',
      });
    });

    it.each<[string, { code: number; subcode?: number; message: string }, string, RegExp, RegExp]>([
      [
        'an app secret that Meta rejects',
        { code: 1, message: 'Error validating client secret.' },
        'meta_configuration',
        /rejected this app('|&#39;)s settings/,
        /Tell the operator/,
      ],
      [
        'a used code',
        { code: 100, subcode: 36009, message: 'This authorization code has been used.' },
        'code_rejected',
        /it was used/,
        /Log in again/,
      ],
      [
        'an expired code',
        { code: 100, subcode: 36007, message: 'This authorization code has expired.' },
        'code_rejected',
        /expired/,
        /Log in again/,
      ],
      [
        'a redirect URI that Meta rejects',
        { code: 191, message: 'Missing redirect_uri parameter.' },
        'meta_configuration',
        /rejected this app('|&#39;)s settings/,
        /redirect URI/,
      ],
      [
        'an outage at Meta',
        { code: 2, message: 'An unexpected error has occurred.' },
        'meta_unavailable',
        /not responding properly/,
        /log in again/,
      ],
    ])('with %s', async (_, fault, code, heading, remedy) => {
      testContext().sandbox.state.faults.add({
        match: { pathPattern: 'oauth/access_token' },
        times: 1,
        fault: { kind: 'graph_error', ...fault },
      });
      const visit = await visitor();
      await visit.page.goto(await link({ return_url: undefined }));
      await approve(visit);
      const page = await shown(visit);
      expect(page).toMatchObject({
        heading: expect.stringMatching(heading),
        remedy: expect.stringMatching(remedy),
        code,
      });
      // Meta's own text is never shown: it may quote what we sent.
      expect(await visit.page.content()).not.toContain(fault.message);
    });

    it('with an app that is closed to them', async () => {
      const visit = await visitor();
      await visit.page.goto(await link({ return_url: undefined }));
      const dialog = new URL(visit.page.url());
      dialog.searchParams.set('sandbox_action', 'error_901');
      await visit.page.goto(dialog.href);
      expect(await shown(visit)).toMatchObject({
        heading: expect.stringContaining('let this account use the app'),
        remedy: expect.stringContaining('Ask the operator'),
        code: 'app_unavailable',
      });
    });
  });

  it.each([
    ['a phone', { width: 320, height: 568 }],
    ['a desk', { width: 1280, height: 800 }],
  ])('fits %s', async (_, viewport) => {
    const visit = await visitor({ viewport });
    await visit.page.goto(`${testContext().listensAt}/connect/nothing-of-this-name-was-ever-given-to-anybody`);
    const [folder, needed, language] = await visit.page.evaluate<[number, number, string]>(
      '[document.documentElement.clientWidth, document.documentElement.scrollWidth, document.documentElement.lang]',
    );
    expect(needed).toBeLessThanOrEqual(folder);
    expect(language).toBe('en');
  });
});

describeInBrowser('a replica behind TLS', { PUBLIC_URL: 'https://vault.example' }, ({ testContext, visitor }) => {
  it('sets a cookie that only TLS and only this host can set', async () => {
    const { page, context } = await visitor();
    // Simulates a proxy that terminates TLS. It sees no redirects, so the test takes that step.
    await context.route('https://vault.example/**', async (route) => {
      const { pathname, search } = new URL(route.request().url());
      const cookies = await context.cookies('https://vault.example');
      const cookie = cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
      const response = await fetch(testContext().listensAt + pathname + search, {
        headers: { cookie },
        redirect: 'manual',
      });
      const location = response.headers.get('location');
      const headers = {
        ...Object.fromEntries(response.headers),
        ...(location === null ? {} : { 'x-redirect': location }),
      };
      await route.fulfill({ status: location === null ? response.status : 200, headers, body: await response.text() });
    });
    const session = await createSession(testContext(), { return_url: undefined });
    const opened = await page.goto(session.connect_url);
    expect(await context.cookies()).toMatchObject([
      {
        name: expect.stringMatching(/^__Host-/),
        domain: 'vault.example',
        path: '/',
        secure: true,
        httpOnly: true,
        sameSite: 'Lax',
      },
    ]);
    const returned = await page.goto(await completeDialog(new URL((await opened?.headerValue('x-redirect')) ?? '')));
    await page.goto((await returned?.headerValue('x-redirect')) ?? '');
    expect(await page.title()).toBe('Connected');
  });
});
