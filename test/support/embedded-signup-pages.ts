import { expect } from '@jest/globals';
import type { Page } from 'playwright-core';
import { ConnectionRepository } from '../../src/connections/connection/connection.repository.ts';
import { createSession } from './connect-test-context.ts';
import type { BrowserTestContext } from './describe-in-browser.ts';

export const CONFIG_ID = '777000777000';
export const SCOPES = ['whatsapp_business_management', 'whatsapp_business_messaging'];
export const WABA = '310000000000402';
export const PHONE = '320000000000403';
export const ENVIRONMENT = { META_LOGIN_CONFIG_ID_WHATSAPP: CONFIG_ID };
export const SDK_FILES = '**/connect.facebook.net/**';
export const LEFT = /not completed, so nothing was connected/;

/** Texts and buttons of our page. */
const text = (page: Page) => page.getByRole('status');
export const button = (page: Page, name = 'Continue with Facebook') => page.getByRole('button', { name });
export const says = (page: Page, words: RegExp) => text(page).filter({ hasText: words }).waitFor();

export const sessionOf = (testContext: BrowserTestContext, body: Record<string, unknown> = {}) =>
  createSession(testContext, {
    product: 'whatsapp',
    flow: 'embedded_signup',
    return_url: testContext.returnUrl,
    ...body,
  });

export async function cameBack(testContext: BrowserTestContext, page: Page): Promise<URL> {
  await page.waitForURL((url) => url.href.startsWith(`${testContext.returnUrl}?`));
  return new URL(page.url());
}

export async function assetsOf(testContext: BrowserTestContext, end: URL): Promise<string[]> {
  expect(end.searchParams.get('status')).toBe('connected');
  const id = end.searchParams.get('connection_id') ?? '';
  const connection = await testContext.replica.app.get(ConnectionRepository).findAcrossTenants(id);
  return (connection?.assets ?? []).map((asset) => asset.id).sort();
}

export async function expectEnabled(page: Page): Promise<void> {
  await page.locator('#start:enabled').waitFor();
}
