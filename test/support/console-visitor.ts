import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect } from '@jest/globals';
import type { Page } from 'playwright-core';
import { api, completeConnect, connectionAt } from './connect-test-context.ts';
import type { BrowserTest, BrowserTestContext, Visitor } from './describe-in-browser.ts';
import { TEST_ADMIN_KEY } from './test-replica.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** A user's browser at a page of the console, on the replica's time. Nobody is signed in. */
export async function visitConsole(
  { visitor, testContext }: BrowserTest,
  path = '',
  settings: Parameters<BrowserTest['visitor']>[0] = {},
): Promise<Visitor> {
  const user = await visitor({ locale: 'en-US', reducedMotion: 'reduce', ...settings });
  const { clock, listensAt } = testContext();
  await user.context.clock.setSystemTime(clock.now());
  await user.page.goto(`${listensAt}/console${path}`);
  return user;
}

/** The same, signed in with a key. */
export async function signInToConsole(
  browserTest: BrowserTest,
  path = '',
  { key = TEST_ADMIN_KEY, ...settings }: Parameters<BrowserTest['visitor']>[0] & { key?: string } = {},
): Promise<Visitor> {
  const user = await visitConsole(browserTest, path, settings);
  await fillInKey(user.page, key);
  await user.page.getByLabel('API key', { exact: true }).waitFor({ state: 'detached' });
  return user;
}

export async function fillInKey(page: Page, key: string): Promise<void> {
  await page.getByLabel('API key', { exact: true }).fill(key);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
}

/** Creates a client with this role. Returns its key. */
export async function makeClient(context: BrowserTestContext, role: string, policy: object = {}): Promise<string> {
  const response = await api(context).post('/v1/clients', { name: `the ${role}`, role, ...policy });
  expect(response.status).toBe(201);
  return response.body.api_key as string;
}

/** Connects a sandbox user who has a Page. Returns the connection's id. */
export async function connectUser(context: BrowserTestContext, tenant: string, name: string): Promise<string> {
  const { make } = context.sandbox.state;
  const { id: user } = make.user({ kind: 'user', name });
  make.page({ userIds: [user], name: `Page of ${name}` });
  const body = { tenant, return_url: context.returnUrl };
  return (await connectionAt(context, await completeConnect(context, body, { user }))).id;
}

/** Barriers to accessibility that axe-core finds on a page, by all of its rules or by these. */
export async function findBarriers(
  page: Page,
  rules?: string[],
): Promise<{ id: string; impact: string | null; nodes: string[] }[]> {
  const options = rules === undefined ? {} : { runOnly: rules };
  await page.evaluate(AXE);
  const found = await page.evaluate<{ id: string; impact: string | null; nodes: string[] }[]>(
    `axe.run(${JSON.stringify(options)}).then(({ violations }) => violations.map(({ id, impact, nodes }) => ({
      id, impact, nodes: nodes.map(({ html }) => html) })))`,
  );
  return found.filter(({ impact }) => impact === 'serious' || impact === 'critical');
}
