import { expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { Database } from '../../src/database/database.ts';
import { api } from '../support/connect-test-context.ts';
import { readEntries } from '../support/console-test-context.ts';
import { connectUser, visitConsole } from '../support/console-visitor.ts';
import { type BrowserTest, describeInBrowser } from '../support/describe-in-browser.ts';
import { startOpenIdProvider, type TestOpenIdProvider } from '../support/openid-provider.ts';

const PATH = '/connections?status=active';
let provider: TestOpenIdProvider;

/** A browser whose user has gone to the provider, where `sub` logs in; null: they decline. */
async function goToProvider(browserTest: BrowserTest, sub: string | null): Promise<Page> {
  // The provider uses the real time.
  browserTest.testContext().clock.set(new Date());
  provider.next = sub;
  const { page } = await visitConsole(browserTest, PATH);
  await page.getByRole('link', { name: 'Continue with Example ID' }).click();
  return page;
}

describeInBrowser(
  'the console with an identity provider',
  async (listensAt, closeLater) => {
    provider = closeLater(await startOpenIdProvider(listensAt));
    provider.people
      .set('ada', { name: 'Ada Lovelace', groups: ['vault-admins'] })
      .set('alan', { name: 'Alan Turing', groups: ['vault-auditors'], tenants: ['acme'] })
      .set('eve', { name: 'Eve', groups: ['staff'] });
    return { ...provider.environment(), CONSOLE_KEY_SIGN_IN: 'false' };
  },
  (browserTest) => {
    const address = () => `${browserTest.testContext().listensAt}/console`;
    const entriesOf = (action: string) => readEntries(browserTest.testContext().replica.app.get(Database), action);

    it('signs a person in where they were, and out at the provider, too', async () => {
      const page = await goToProvider(browserTest, 'ada');
      await page.getByRole('heading', { name: 'Connections', level: 1 }).waitFor();
      expect(page.url()).toBe(address() + PATH);
      expect((await entriesOf('console.signed_in')).at(-1)).toMatchObject({ actor_kind: 'person', actor_id: 'ada' });

      await page.getByTitle('Your session').click();
      await page.getByText('Ada Lovelace').first().waitFor();
      await page.getByRole('button', { name: 'Sign out', exact: true }).click();
      await page.getByRole('button', { name: 'Yes, sign me out' }).click();
      await page.getByRole('heading', { name: 'Sign in to Metavault' }).waitFor();
      expect(page.url().split('?')[0]).toBe(address());
      expect(await page.getByLabel('API key', { exact: true }).count()).toBe(0);
    });

    it('offers an auditor no changes', async () => {
      const page = await goToProvider(browserTest, 'alan');
      await page.getByRole('heading', { name: 'Connections', level: 1 }).waitFor();
      expect(await page.getByLabel('Select all of this page').count()).toBe(0);
      expect(await page.getByRole('link', { name: 'Clients', exact: true }).count()).toBe(0);
    });

    it('revokes many after one fresh sign-in in another tab, and loses nothing meanwhile', async () => {
      const context = browserTest.testContext();
      const ids: string[] = [];
      for (const name of ['One', 'Two', 'Three', 'Four', 'Five']) ids.push(await connectUser(context, 'chain', name));
      const statuses = async () =>
        Promise.all(ids.map(async (id) => (await api(context).get(`/v1/connections/${id}`)).body.status as string));
      const page = await goToProvider(browserTest, 'ada');
      await page.getByRole('heading', { name: 'Connections', level: 1 }).waitFor();
      await page.goto(`${address()}/connections?tenant=chain`);
      await page.getByLabel('Select all of this page').check();
      await page.getByRole('button', { name: 'Revoke', exact: true }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByLabel('Type “revoke” to confirm').fill('revoke');
      context.clock.advance(330);
      await dialog.getByRole('button', { name: 'Revoke' }).click();
      await dialog.getByText('This needs a sign-in of the last five minutes.').waitFor();
      expect(new Set(await statuses())).toEqual(new Set(['active']));

      context.clock.set(new Date());
      provider.next = 'ada';
      const opening = page.context().waitForEvent('page');
      await dialog.getByRole('link', { name: 'Sign in again in a new tab' }).click();
      const tab = await opening;
      await tab.getByText('You are signed in').waitFor();
      await tab.close();
      await dialog.getByRole('button', { name: 'Continue with the others' }).click();
      await dialog.getByText('Done: 5; failed: 0').waitFor();
      expect(new Set(await statuses())).toEqual(new Set(['revoked']));
      expect((await entriesOf('connection.revoked')).map(({ actor_id }) => actor_id)).toEqual(ids.map(() => 'ada'));
    });

    it.each([
      ['has no role', 'eve'],
      ['declines', null],
    ])('says why nobody is signed in who %s', async (_, sub) => {
      const page = await goToProvider(browserTest, sub);
      await page.getByRole('alert').waitFor();
      await page.getByRole('heading', { name: 'Sign in to Metavault' }).waitFor();
      expect(page.url()).toContain(address());
    });
  },
);
