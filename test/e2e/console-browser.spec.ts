import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import pg from 'pg';
import type { Page } from 'playwright-core';
import { Database } from '../../src/database/database.ts';
import { api, createServiceClient } from '../support/connect-test-context.ts';
import { readEntries } from '../support/console-test-context.ts';
import {
  connectUser,
  fillInKey,
  findBarriers,
  makeClient,
  signInToConsole,
  visitConsole,
} from '../support/console-visitor.ts';
import { describeInBrowser } from '../support/describe-in-browser.ts';
import { TEST_ADMIN_KEY } from '../support/test-replica.ts';
import { until } from '../support/until.ts';

const PHONE = { viewport: { width: 380, height: 760 }, isMobile: true, hasTouch: true };
const DESK = { viewport: { width: 1280, height: 800 } };

const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });

describeInBrowser('the console', {}, (browserTest) => {
  const { testContext } = browserTest;
  const entriesOf = (...actions: string[]) => readEntries(testContext().replica.app.get(Database), ...actions);
  let made = 0;
  /** A unique name, even for a test that is retried: the tests share a database. */
  const unique = (name: string): string => `${name}-${++made}`;
  const rowOf = (page: Page, name: string) => page.getByRole('row').filter({ hasText: name });

  it('lets nobody in without a sign-in, says why a key is refused, and keeps the key nowhere', async () => {
    const { page, context } = await visitConsole(browserTest, '/connections');
    await fillInKey(page, 'mtv_not-a-key');
    await page.getByRole('alert').getByText('This key or link cannot sign in to the console.').waitFor();
    await page.getByRole('alert').getByText(/^req_/).waitFor();
    await fillInKey(page, TEST_ADMIN_KEY);
    await page.getByRole('heading', { name: 'Connections', level: 1 }).waitFor();
    expect(JSON.stringify(await context.storageState())).not.toContain(TEST_ADMIN_KEY);
    expect(await page.evaluate('document.documentElement.outerHTML')).not.toContain(TEST_ADMIN_KEY);
    expect(await page.evaluate('document.cookie')).toBe('');
    await page.getByTitle('Your session').click();
    await button(page, 'Sign out').click();
    await page.getByRole('heading', { name: 'Sign in to Metavault' }).waitFor();
    expect((await entriesOf('console.signed_out')).length).toBeGreaterThan(0);
  });

  it('signs in with a link, which leaves the address and works once', async () => {
    const { body } = await api(testContext()).post('/v1/console/sign-in-links', {});
    const { hash } = new URL(body.url as string);
    const { page } = await visitConsole(browserTest, hash);
    await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
    expect(page.url()).toBe(`${testContext().listensAt}/console`);
    const second = await visitConsole(browserTest, hash);
    await second.page.getByRole('alert').getByText('This key or link cannot sign in to the console.').waitFor();
    expect(second.page.url()).toBe(`${testContext().listensAt}/console`);
  });

  it('offers the identity provider, which leads back to the page, and tells why it failed', async () => {
    const { context, page } = await browserTest.visitor({ locale: 'en-US' });
    const methods = { key: false, link: true, oidc: { name: 'Acme ID' } };
    await context.route('**/v1/console/sign-in', (route) => route.fulfill({ json: { methods } }));
    await page.goto(`${testContext().listensAt}/console/connections?sign_in_error=sign_in_refused`);
    await page.getByRole('alert').getByText('This key or link cannot sign in to the console.').waitFor();
    const link = page.getByRole('link', { name: 'Continue with Acme ID' });
    expect(await link.getAttribute('href')).toBe('/console/sign-in/oidc?return_to=%2Fconsole%2Fconnections');
    expect(await page.getByLabel('API key', { exact: true }).count()).toBe(0);
  });

  it('finds connections, narrows them down, and exports them without formulas', async () => {
    const [bakery, florist, flora] = [unique('bakery'), unique('florist'), unique('Flora')];
    await connectUser(testContext(), bakery, '=HYPERLINK("https://evil.example")');
    await connectUser(testContext(), florist, flora);
    const { page } = await signInToConsole(browserTest, '/connections');
    await rowOf(page, flora).waitFor();
    await page.getByLabel('Tenant', { exact: true }).fill(bakery);
    await page.getByLabel('Tenant', { exact: true }).press('Enter');
    await rowOf(page, flora).waitFor({ state: 'detached' });
    expect(new URL(page.url()).search).toBe(`?tenant=${bakery}`);
    const downloading = page.waitForEvent('download');
    await button(page, 'Export CSV').click();
    const csv = readFileSync(await (await downloading).path(), 'utf8');
    expect(csv).toContain(`${bakery},pages,"'=HYPERLINK(""https://evil.example"")"`);
    expect(csv).not.toContain(flora);
    await page.goBack();
    await rowOf(page, flora).waitFor();
    await page.getByLabel('Search', { exact: true }).fill(`Page of ${flora}`);
    await page.getByLabel('Search', { exact: true }).press('Enter');
    await rowOf(page, bakery).waitFor({ state: 'detached' });
    await rowOf(page, flora).waitFor();
  });

  it('checks and revokes many connections, the latter after a typed word, and shows how each fared', async () => {
    const chain = unique('chain');
    const ids = [await connectUser(testContext(), chain, 'One'), await connectUser(testContext(), chain, 'Two')];
    const { page } = await signInToConsole(browserTest, `/connections?tenant=${chain}`);
    await rowOf(page, 'One').waitFor();
    const chooseAll = () => page.getByLabel('Select all of this page').check();
    const dialog = page.getByRole('dialog');
    await chooseAll();
    await button(page, 'Check').click();
    await dialog.getByText('To process: 2').waitFor();
    await dialog.getByRole('button', { name: 'Check' }).click();
    await dialog.getByText('Done: 2; failed: 0').waitFor();
    await dialog.getByRole('button', { name: 'Close' }).last().click();
    await chooseAll();
    await button(page, 'Revoke').click();
    expect(await dialog.getByRole('button', { name: 'Revoke' }).isDisabled()).toBe(true);
    await dialog.getByLabel('Type “revoke” to confirm').fill('revoke');
    await dialog.getByRole('button', { name: 'Revoke' }).click();
    await dialog.getByText('Done: 2; failed: 0').waitFor();
    await dialog.getByRole('button', { name: 'Close' }).last().click();
    await rowOf(page, 'One').getByText('Revoked').waitFor();
    const revoked = (await entriesOf('connection.revoked')).filter(({ actor_kind }) => actor_kind === 'person');
    expect(revoked.map(({ connection_id }) => connection_id)).toEqual(expect.arrayContaining(ids));
  });

  it('has a connection wait that the database could not revoke just now, and revokes it then', async () => {
    const chain = unique('held');
    const ids = [await connectUser(testContext(), chain, 'Free'), await connectUser(testContext(), chain, 'Locked')];
    const { page } = await signInToConsole(browserTest, `/connections?tenant=${chain}`);
    await rowOf(page, 'Locked').waitFor();
    await page.getByLabel('Select all of this page').check();
    await button(page, 'Revoke').click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Type “revoke” to confirm').fill('revoke');
    const blocker = new pg.Client({ connectionString: testContext().replica.databaseUrl });
    await blocker.connect();
    try {
      await blocker.query('BEGIN');
      await blocker.query('SELECT 1 FROM connection WHERE id = $1 FOR UPDATE', [ids[1]]);
      await dialog.getByRole('button', { name: 'Revoke' }).click();
      await dialog.getByRole('row', { name: 'Locked Waiting' }).waitFor();
      await dialog.getByRole('row', { name: 'Free Done' }).waitFor();
      await dialog.getByText('Done: 1; failed: 0').waitFor();
    } finally {
      await blocker.end();
    }
    await dialog.getByText('Done: 2; failed: 0').waitFor();
    const revoked = (await entriesOf('connection.revoked')).map(({ connection_id }) => connection_id as string);
    expect(revoked.filter((id) => ids.includes(id)).sort()).toEqual([...ids].sort());
  });

  it('shows a connection, checks and refreshes it, makes a link to reconnect, and revokes it', async () => {
    const clinic = unique('clinic');
    const id = await connectUser(testContext(), clinic, 'Doctor Who');
    const service = await createServiceClient(testContext(), { name: 'the scheduler' });
    const lease = await api(testContext(), service.key).post('/v1/leases', { tenant: clinic, product: 'pages' });
    const readByLease = () => api(testContext(), lease.body.access_token as string).get('/graph/me?fields=id');
    expect((await readByLease()).status).toBe(200);
    const { page } = await signInToConsole(browserTest, `/connections/${id}`);
    await page.getByRole('heading', { name: 'Doctor Who', level: 1 }).waitFor();
    await page.getByRole('img', { name: /^Doctor Who: Issued / }).waitFor();
    await page.getByRole('cell', { name: /^Page of Doctor Who/ }).waitFor();
    await rowOf(page, 'the scheduler').first().waitFor();
    for (const [action, outcome] of [
      ['Check', 'Checked at Meta'],
      ['Refresh', 'Refreshed'],
    ] as const) {
      await button(page, action).click();
      await page.getByText(outcome, { exact: true }).waitFor();
    }
    await button(page, 'Reconnect link').click();
    await button(page, 'Create link').click();
    const link = await page.getByLabel('Link', { exact: true }).inputValue();
    expect(link).toContain(`${testContext().listensAt}/connect/`);
    await page.getByRole('img', { name: 'The link as a QR code' }).waitFor();
    const sessionId = await page.getByText(/^cns_[0-9a-z]{26}$/).innerText();
    await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click();
    await button(page, 'Revoke').click();
    await page.getByLabel('Type “revoke” to confirm').fill('revoke');
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
    await page.getByText('Revoked. Leases that ended: 1').waitFor();
    expect((await readByLease()).status).toBe(401);
    await button(page, 'Check').waitFor({ state: 'detached' });
    await page.getByRole('cell', { name: 'connection.revoked' }).waitFor();
    const sessions = (await entriesOf('connect.session_created')).filter(({ actor_kind }) => actor_kind === 'person');
    expect(sessions.map(({ subject_id }) => subject_id)).toContain(sessionId);
  });

  it('shows an auditor no buttons that change anything', async () => {
    const context = testContext();
    const curator = unique('Curator');
    const id = await connectUser(context, 'museum', curator);
    const { page } = await signInToConsole(browserTest, `/connections/${id}`, {
      key: await makeClient(context, 'auditor'),
    });
    await page.getByRole('heading', { name: curator, level: 1 }).waitFor();
    await page.getByRole('cell', { name: 'connection.created' }).waitFor();
    for (const name of ['Check', 'Refresh', 'Reconnect link', 'Revoke'])
      expect(await button(page, name).count()).toBe(0);
    await page.getByRole('link', { name: 'Connections' }).first().click();
    await rowOf(page, curator).waitFor();
    expect(await page.getByRole('checkbox').count()).toBe(0);
    const status = await page.evaluate(
      `fetch('/v1/connections/${id}', { method: 'DELETE' }).then(({ status }) => status)`,
    );
    expect(status).toBe(403);
  });

  it('keeps what was typed when the session ends, and goes on after the next sign-in', async () => {
    const id = await connectUser(testContext(), 'school', 'Teacher');
    const { page, context } = await signInToConsole(browserTest, `/connections/${id}`);
    await button(page, 'Reconnect link').click();
    await page.getByLabel('Requester’s name, as shown to the customer').fill('The school');
    await context.clearCookies();
    await button(page, 'Create link').click();
    await page.getByText('Your session has ended').waitFor();
    await fillInKey(page, TEST_ADMIN_KEY);
    await page.getByText('Your session has ended').waitFor({ state: 'detached' });
    expect(await page.getByLabel('Requester’s name, as shown to the customer').inputValue()).toBe('The school');
    await button(page, 'Create link').click();
    await page.getByLabel('Link', { exact: true }).waitFor();
  });

  it('tells of a lost connection, and keeps what is shown', async () => {
    const { page, context, pageErrors } = await signInToConsole(browserTest, '/connections');
    await page.getByRole('heading', { name: 'Connections', level: 1 }).waitFor();
    await context.setOffline(true);
    await button(page, 'Export CSV').click();
    await page.getByRole('alert').getByText('The service does not answer').waitFor();
    await page.getByRole('heading', { name: 'Connections', level: 1 }).waitFor();
    await context.setOffline(false);
    // The browser reports the lost connection as an error of the page, too.
    expect(pageErrors.filter((error) => !error.includes('ERR_INTERNET_DISCONNECTED'))).toEqual([]);
    pageErrors.length = 0;
  });

  it('leads from each figure to its connections, by the keyboard alone', async () => {
    const { page } = await signInToConsole(browserTest);
    await page.reload();
    await page.getByRole('link', { name: /^Healthy/ }).waitFor();
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the content');
    await page.keyboard.press('Enter');
    expect(await page.evaluate('document.activeElement.id')).toBe('content');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.waitForURL((url) => url.search === '?status=active&health=healthy');
    await until(async () => (await page.evaluate('document.activeElement.id')) === 'content');
  });

  it('checks many connections by the keyboard alone, and comes back to the list', async () => {
    const team = unique('team');
    await connectUser(testContext(), team, 'Left');
    await connectUser(testContext(), team, 'Right');
    const { page } = await signInToConsole(browserTest, `/connections?tenant=${team}`);
    await rowOf(page, 'Left').waitFor();
    const tabTo = async (name: string, key: 'Tab' | 'Shift+Tab' = 'Tab'): Promise<void> => {
      for (let presses = 0; presses < 80; presses++) {
        await page.keyboard.press(key);
        const label = await page.evaluate('document.activeElement.ariaLabel ?? document.activeElement.textContent');
        if (label === name) return;
      }
      throw new Error(`Tab does not lead to ${name}`);
    };
    await tabTo('Select all of this page');
    await page.keyboard.press('Space');
    await tabTo('Check', 'Shift+Tab');
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog');
    await dialog.getByText('To process: 2').waitFor();
    await tabTo('Check');
    // The dialog can be closed while the list behind it is still being read again.
    let release = (): void => undefined;
    const isHeld = new Promise<void>((resolve) => {
      release = resolve;
    });
    await page.route('**/v1/connections?*', async (route) => {
      await isHeld;
      await route.continue();
    });
    await page.keyboard.press('Enter');
    await dialog.getByText('Done: 2; failed: 0').waitFor();
    await dialog.getByRole('button', { name: 'Close' }).last().waitFor();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    release();
    await tabTo('Select all of this page');
  });

  it('reads figures again while somebody sees them, and not in a hidden tab', async () => {
    const { page } = await signInToConsole(browserTest);
    await page.clock.install({ time: testContext().clock.now() });
    let asked = 0;
    page.on('request', (request) => {
      if (request.url().endsWith('/v1/overview')) asked += 1;
    });
    await page.reload();
    await page.getByRole('link', { name: /^Healthy/ }).waitFor();
    const turn = (state: 'hidden' | 'visible') =>
      page.evaluate(`Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => '${state}' });
        document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))`);
    const passTime = () => page.clock.fastForward(60_000);
    await passTime();
    await until(() => asked > 1);
    await turn('hidden');
    await page.waitForLoadState('networkidle');
    const before = asked;
    await passTime();
    expect(asked).toBe(before);
    await turn('visible');
    await until(() => asked > before);
    expect(await page.locator('time').first().getAttribute('title')).toMatch(/ UTC$/);
  });

  it.each([
    ['a phone, dark, in Portuguese', { ...PHONE, colorScheme: 'dark', locale: 'pt-BR' }, 'Chave de API', 'Entrar'],
    ['a desk, light, in Spanish', { ...DESK, colorScheme: 'light', locale: 'es' }, 'Clave de API', 'Iniciar sesión'],
  ] as const)('is usable on %s', async (_, settings, key, submit) => {
    const id = await connectUser(testContext(), 'agency', 'Agent');
    const user = await visitConsole(browserTest, '', settings);
    const { page } = user;
    await page.getByLabel(key, { exact: true }).waitFor();
    expect(await findBarriers(page)).toEqual([]);
    await page.getByLabel(key, { exact: true }).fill(TEST_ADMIN_KEY);
    await button(page, submit).click();
    await page.getByLabel(key, { exact: true }).waitFor({ state: 'detached' });
    for (const path of ['', '/connections', `/connections/${id}`]) {
      if (path !== '') await page.goto(`${testContext().listensAt}/console${path}`);
      await page.locator('h1').waitFor();
      await page.waitForLoadState('networkidle');
      expect(await page.evaluate('document.documentElement.lang')).toBe(settings.locale);
      expect({ path, barriers: await findBarriers(page) }).toEqual({ path, barriers: [] });
      expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
    }
  });
});
