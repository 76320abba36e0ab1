import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { Database } from '../../src/database/database.ts';
import { RewrapWorker } from '../../src/vault/keys/rewrap-worker.ts';
import { api, createServiceClient } from '../support/connect-test-context.ts';
import { readEntries } from '../support/console-test-context.ts';
import { connectUser, findBarriers, makeClient, signInToConsole } from '../support/console-visitor.ts';
import { describeInBrowser } from '../support/describe-in-browser.ts';
import { until } from '../support/until.ts';

/** Each page and its heading. */
const PAGES = {
  '/clients': 'Clients',
  '/subscriptions': 'Subscriptions',
  '/leases': 'Leases',
  '/audit': 'Audit record',
  '/keys': 'Keys',
  '/apps': 'Apps',
  '/doctor': 'Doctor',
  '/settings': 'Settings',
  '/sessions': 'Sessions',
};

const OVERFLOW = 'Math.max(0, document.documentElement.scrollWidth - window.innerWidth)';

describeInBrowser('administration in the console', {}, (browserTest) => {
  const { testContext } = browserTest;
  const open = async (path: string, settings: Parameters<typeof signInToConsole>[2] = {}): Promise<Page> =>
    (await signInToConsole(browserTest, path, settings)).page;
  const go = async (page: Page, path: string, heading: string): Promise<void> => {
    await page.goto(`${testContext().listensAt}/console${path}`);
    await page.getByRole('heading', { level: 1, name: heading }).waitFor();
    await page.locator('[aria-busy="true"], .mantine-Loader-root').first().waitFor({ state: 'detached' });
  };
  const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });
  /** The latest audit entry of an action. */
  const lastEntry = async (action: string) => {
    const entries = await readEntries(testContext().replica.app.get(Database), action);
    return entries.at(-1);
  };

  it('each page opens, for everybody, light and dark, and fits on a phone', async () => {
    const desktop = { width: 1280, height: 720 };
    const page = await open('', { viewport: desktop, colorScheme: 'light' });
    for (const [path, heading] of Object.entries(PAGES)) {
      await go(page, path, heading);
      expect({ path, found: await findBarriers(page) }).toMatchObject({ found: [] });
      await page.emulateMedia({ colorScheme: 'dark' });
      await page.locator('[data-mantine-color-scheme="dark"]').waitFor();
      // The only rule that depends on colors.
      expect({ path, found: await findBarriers(page, ['color-contrast']) }).toMatchObject({ found: [] });
      await page.setViewportSize({ width: 380, height: 720 });
      // The layout follows after a moment.
      await until(
        async () => ({ path, overflow: await page.evaluate<number>(OVERFLOW) }),
        ({ overflow }) => overflow === 0,
      );
      await page.setViewportSize(desktop);
      await page.emulateMedia({ colorScheme: 'light' });
    }
  });

  it('makes a client, asks what it may do, changes it, gives it a key, and deletes it', async () => {
    const page = await open('/clients');
    await button(page, 'New client').click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name').fill('shop');
    await dialog.getByLabel('Tenants').fill('acme');
    await dialog.getByLabel('Allowed Graph calls').fill('GET /**\nPOST /*/messages');
    await button(page, 'Create').click();
    const key = await dialog.getByLabel('API key').inputValue();
    await api(testContext(), key).get('/v1/connections').expect(200);
    expect(await lastEntry('client.created')).toMatchObject({ details: { name: 'shop' } });
    await button(page, 'To the client').click();

    await page.getByLabel('Path').fill('/123/messages');
    await button(page, 'Ask').click();
    await page.getByText('Allowed', { exact: true }).waitFor();
    await page.getByLabel('Path').fill('/123/feed');
    await button(page, 'Ask').click();
    await page.getByText('Refused', { exact: true }).waitFor();
    await page.getByLabel('Longest lease, in seconds').fill('600');
    await button(page, 'Save').click();
    await page.getByText('Saved', { exact: true }).waitFor();
    expect(await lastEntry('client.changed')).toBeDefined();

    await button(page, 'Issue a key').click();
    await page.getByLabel('Older keys keep working for (hours)').fill('0');
    await dialog.getByRole('button', { name: 'Issue a key' }).click();
    const newer = await dialog.getByLabel('API key').inputValue();
    await api(testContext(), newer).get('/v1/connections').expect(200);
    await api(testContext(), key).get('/v1/connections').expect(401);
    await page.keyboard.press('Escape');

    await button(page, 'Delete').click();
    expect(await dialog.getByRole('button', { name: 'Delete' }).isDisabled()).toBe(true);
    await dialog.getByLabel('Type').fill('shop');
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await page.getByText('shop is deleted').waitFor();
    await api(testContext(), newer).get('/v1/connections').expect(401);
    expect(await lastEntry('client.deleted')).toBeDefined();
  });

  it('subscribes a receiver, tests it, pauses and resumes it, and shows a delivery', async () => {
    const { returnUrl } = testContext();
    const page = await open('/subscriptions');
    await button(page, 'New subscription').click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Receiver').fill(returnUrl);
    await dialog.getByLabel('connection.created').check();
    await button(page, 'Subscribe').click();
    expect(await dialog.getByLabel('Signing secret').inputValue()).toMatch(/^whsec_/);
    await button(page, 'To the subscription').click();
    await button(page, 'Send a test').click();
    await page.getByText('The receiver accepted the test (200)').waitFor();
    await button(page, 'Pause').click();
    await button(page, 'Resume').click();
    await button(page, 'Pause').waitFor();
    expect(await lastEntry('subscription.resumed')).toBeDefined();

    await connectUser(testContext(), 'acme', 'Ada Baker');
    const delivery = page.getByRole('button', { name: 'connection.created' }).first();
    await until(async () => {
      await page.reload();
      await page.getByRole('heading', { name: 'Deliveries' }).waitFor();
      return delivery.isVisible();
    });
    await delivery.click();
    await dialog.getByText('"tenant": "acme"').waitFor();
    expect({ url: page.url(), found: await findBarriers(page) }).toMatchObject({ found: [] });
  });

  it('shows who holds what, and ends a lease', async () => {
    await connectUser(testContext(), 'leased', 'Ada Baker');
    const { key } = await createServiceClient(testContext());
    const lease = await api(testContext(), key).post('/v1/leases', { tenant: 'leased', product: 'pages' }).expect(201);
    const { access_token: token } = lease.body as { access_token: string };
    const page = await open('/leases');
    await page.getByRole('row', { name: lease.body.lease_id }).getByRole('button', { name: 'End' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'End' }).click();
    await page.getByText('The lease has ended').waitFor();
    const told = await api(testContext(), key).post('/v1/leases/introspect', { token }).expect(200);
    expect(told.body).toMatchObject({ active: false });
    expect(await lastEntry('lease.ended')).toMatchObject({ subject_id: lease.body.lease_id });
  });

  it('replaces the active key, moves secrets to it, and retires the old one', async () => {
    await connectUser(testContext(), 'acme', 'Kim Keys');
    const page = await open('/keys');
    await button(page, 'Rotate').click();
    await page.getByRole('dialog').getByRole('button', { name: 'Rotate' }).click();
    await page.getByText(/^kek_\w+ is active$/).waitFor();
    await button(page, 'Start a rewrap').click();
    await page.getByText('Under way').waitFor();
    await testContext()
      .replica.app.get(RewrapWorker, { strict: false })
      .runOnce(() => false);
    const retire = button(page, 'Retire').first();
    await until(() => retire.isEnabled());
    await retire.click();
    await page.getByLabel('Type').fill('retire');
    await page.getByRole('dialog').getByRole('button', { name: 'Retire' }).click();
    await page.getByText(/^kek_\w+ is retired$/).waitFor();
    expect(await lastEntry('key.retired')).toBeDefined();
  });

  it('adds an app, replaces its secret, and deletes it', async () => {
    const [id, first, second] = ['2000000000000002', 'a'.repeat(32), 'b'.repeat(32)];
    const { state } = testContext().sandbox;
    state.make.app({ id, secret: first });
    const page = await open('/apps');
    await button(page, 'Add an app').click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name').fill('Second');
    await dialog.getByLabel('App id').fill(id);
    await dialog.getByLabel('App secret').fill(first);
    await dialog.getByLabel('Tenants').fill('gym');
    await dialog.getByRole('button', { name: 'Add' }).click();
    expect(await dialog.getByLabel('Callback URL').inputValue()).toMatch(new RegExp(`/webhooks/meta/${id}$`));
    expect(await dialog.getByLabel('Verify token').inputValue()).not.toBe('');
    expect(await page.evaluate('document.documentElement.outerHTML')).not.toContain(first);
    await page.keyboard.press('Escape');
    await page.getByRole('link', { name: 'Second' }).click();
    await page.getByText('Meta accepts id and secret').waitFor();
    expect(await lastEntry('app.created')).toMatchObject({ actor_kind: 'person' });

    state.patchApp(id, { secret: second });
    await button(page, 'Replace the secret').click();
    await dialog.getByLabel('New secret').fill(second);
    await dialog.getByRole('button', { name: 'Replace the secret' }).click();
    await page.getByText('The new secret is in use').waitFor();
    await button(page, 'Delete').click();
    await dialog.getByLabel('Type').fill('second');
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await page.getByText('Second is deleted').waitFor();
    for (const action of ['app.secret_rotated', 'app.deleted'])
      expect({ action, entry: await lastEntry(action) }).toMatchObject({ entry: { actor_kind: 'person' } });
  });

  it('narrows leases down to a tenant, which stays in the address', async () => {
    for (const tenant of ['north', 'south']) await connectUser(testContext(), tenant, `Owner of ${tenant}`);
    const { key } = await createServiceClient(testContext());
    const issue = async (tenant: string): Promise<string> =>
      (await api(testContext(), key).post('/v1/leases', { tenant, product: 'pages' }).expect(201)).body.lease_id;
    const [north, south] = [await issue('north'), await issue('south')];
    const page = await open('/leases');
    const rowOf = (id: string) => page.getByRole('row', { name: id });
    await rowOf(south).waitFor();
    await page.getByLabel('Tenant').fill('north');
    await page.keyboard.press('Enter');
    await rowOf(south).waitFor({ state: 'detached' });
    await page.reload();
    await rowOf(north).waitFor();
    expect([new URL(page.url()).search, await rowOf(south).count()]).toEqual(['?tenant=north', 0]);
  });

  it('takes an anchor, verifies with it, exports the record, and shows whole entries on a phone', async () => {
    const page = await open('/audit', { viewport: { width: 380, height: 720 } });
    const entry = page.locator('tbody tr').first();
    await entry.getByText('console.signed_in').waitFor();
    expect(await entry.innerText()).toMatch(/bootstrap · /);
    const save = async (name: string): Promise<string> => {
      const downloading = page.waitForEvent('download');
      await button(page, name).click();
      return readFileSync(await (await downloading).path(), 'utf8');
    };
    // The saved file as it is, with its line breaks.
    await page.getByLabel('Anchor').fill(await save('Take an anchor'));
    await button(page, 'Verify').click();
    await page.getByText('The anchor: holds').waitFor();
    const lines = (await save('Export')).trim().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { action: string }).action)).toContain('console.signed_in');
  });

  it('verifies the record, and filters it', async () => {
    const page = await open('/audit');
    await button(page, 'Verify').click();
    await page.getByText(/^Intact: \d+ entries$/).waitFor();
    await page.getByLabel('Action').fill('client.created');
    await page.keyboard.press('Enter');
    await page.waitForURL(/action=client\.created/);
    await until(async () => {
      const actions = await page.locator('tbody tr td:nth-child(2)').allInnerTexts();
      return actions.length > 0 && actions.every((action) => action === 'client.created');
    });
  });

  it('ends the session of another browser', async () => {
    const other = await open('');
    const page = await open('/sessions');
    await button(page, 'End').first().click();
    await page.getByRole('dialog').getByRole('button', { name: 'End' }).click();
    await page.getByText('The session has ended').waitFor();
    await until(async () => {
      await other.reload();
      return other.getByLabel('API key').isVisible();
    });
  });

  it('offers an auditor no change, and no page that is only for admins', async () => {
    const key = await makeClient(testContext(), 'auditor');
    const page = await open('/keys', { key });
    await page.getByRole('heading', { name: 'Keys' }).waitFor();
    expect(await button(page, 'Rotate').count()).toBe(0);
    for (const name of ['Clients', 'Subscriptions', 'Doctor', 'Settings'])
      expect(await page.getByRole('link', { name, exact: true }).count()).toBe(0);
    await go(page, '/leases', 'Leases');
    expect(await button(page, 'End').count()).toBe(0);
  });
});
