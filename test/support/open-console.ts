import { expect } from '@jest/globals';
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import type { BrowserTest } from './describe-in-browser.ts';
import { TEST_ADMIN_KEY } from './test-replica.ts';

interface OpenOptions {
  key?: string;
  settings?: Parameters<BrowserTest['visitor']>[0];
}

/** Signs a person in to the console with a client's key, and opens a page below `/console`. */
export async function openConsole(
  { testContext, visitor }: BrowserTest,
  path: string,
  { key = TEST_ADMIN_KEY, settings = { locale: 'en-US' } }: OpenOptions = {},
): Promise<Page> {
  // Bypasses the policy for axe alone, which is put into the page.
  const { page } = await visitor({ ...settings, bypassCSP: true });
  await page.goto(`${testContext().listensAt}/console${path}`);
  await page.getByLabel('API key').fill(key);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByRole('heading', { level: 1 }).waitFor();
  return page;
}

/** What axe finds serious on the page, as text that runs there. */
const FIND_SERIOUS = `axe.run({ resultTypes: ['violations'] }).then(({ violations }) => violations
  .filter(({ impact }) => impact === 'serious' || impact === 'critical')
  .map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html.slice(0, 200)).join(' | ')))`;

/** Fails if axe finds something serious on the page as it is now. */
export async function expectAccessible(page: Page): Promise<void> {
  await page.evaluate(axe.source);
  expect({ page: page.url(), found: await page.evaluate(FIND_SERIOUS) }).toEqual({ page: page.url(), found: [] });
}

/** Fails if the page scrolls sideways. */
export async function expectNoSidewaysScroll(page: Page): Promise<void> {
  const widths = '[document.documentElement.scrollWidth, window.innerWidth]';
  const [content = 0, visible = 0] = await page.evaluate<number[]>(widths);
  expect({ page: page.url(), overflow: Math.max(0, content - visible) }).toEqual({ page: page.url(), overflow: 0 });
}
