// Makes docs/images/console-*.png of a running service: node console/screenshots.mjs [address] [sign-in link]
// `npm start` prints both. More connections to look at are made through the API if METAVAULT_API_KEY is an admin's.
// The figures of the overview are those of sample-overview.mjs: a new service has none to show.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { sampleOverview } from './sample-overview.mjs';

const IMAGES = path.resolve(import.meta.dirname, '../docs/images');
const MAX_BYTES = 200_000;
const DESK = { viewport: { width: 1280, height: 800 }, colorScheme: 'light' };
const PHONE = { viewport: { width: 390, height: 780 }, colorScheme: 'dark', deviceScaleFactor: 2 };
const CUSTOMERS = [
  { tenant: 'blue-bottle', product: 'pages', flow: 'facebook_login', reference: 'shop-1041' },
  { tenant: 'corner-books', product: 'instagram', flow: 'facebook_login', reference: 'shop-1042' },
  { tenant: 'casa-verde', product: 'ads', flow: 'facebook_login', reference: 'shop-1043' },
  { tenant: 'harbor-fit', product: 'threads', flow: 'threads_login', reference: 'shop-1044' },
  { tenant: 'lima-deli', product: 'pages', flow: 'facebook_login', reference: 'shop-1045' },
];

const [, , address = 'http://localhost:3000', link] = process.argv;
const { METAVAULT_API_KEY: apiKey, CHROMIUM_PATH: executablePath = which('chromium') } = process.env;

if (apiKey !== undefined) for (const customer of CUSTOMERS) await connect(customer);
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
const context = await browser.newContext({ ...DESK, locale: 'en-US' });
await signIn(await context.newPage());
const state = await context.storageState();
await shoot(DESK, {
  'console-overview': '',
  'console-connections': '/connections',
  'console-connection': await firstConnection(await context.newPage()),
});
await shoot(PHONE, { 'console-phone': '' });
await browser.close();

/** Connects a customer in the sandbox, where a dialog is answered by a parameter. */
async function connect(customer) {
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
  const known = await fetch(`${address}/v1/connections?tenant=${customer.tenant}`, { headers });
  if ((await known.json()).data.length > 0) return;
  const session = await fetch(`${address}/v1/connect-sessions`, {
    method: 'POST',
    headers,
    body: JSON.stringify(customer),
  });
  const { connect_url: connectUrl } = await session.json();
  const opened = await fetch(connectUrl, { redirect: 'manual' });
  const dialog = new URL(opened.headers.get('location'));
  dialog.searchParams.set('sandbox_action', 'approve');
  const answered = await fetch(dialog, { redirect: 'manual' });
  const cookie = opened.headers.getSetCookie().map((line) => line.split(';', 1)[0]);
  await fetch(answered.headers.get('location'), { headers: { cookie: cookie.join('; ') }, redirect: 'manual' });
}

async function signIn(page) {
  await page.goto(link ?? `${address}/console`);
  if (link === undefined) {
    await page.getByLabel('API key', { exact: true }).fill(apiKey);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  }
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
}

async function firstConnection(page) {
  await page.goto(`${address}/console/connections`);
  const href = await page.getByRole('row').nth(1).getByRole('link').getAttribute('href');
  return href.replace(/^\/console/, '');
}

async function shoot(settings, pages) {
  const { viewport } = settings;
  const shown = await browser.newContext({ ...settings, locale: 'en-US', storageState: state });
  await shown.route('**/v1/overview', (route) => route.fulfill({ json: sampleOverview(new Date()) }));
  fs.mkdirSync(IMAGES, { recursive: true });
  for (const [name, at] of Object.entries(pages)) {
    const page = await shown.newPage();
    await page.goto(`${address}/console${at}`);
    await page.locator('h1').waitFor();
    await page.waitForLoadState('networkidle');
    const file = path.join(IMAGES, `${name}.png`);
    const height = await page.evaluate('document.documentElement.scrollHeight');
    await page.setViewportSize({ ...viewport, height: Math.min(Math.max(height, viewport.height), 1000) });
    await page.screenshot({ path: file });
    const { size } = fs.statSync(file);
    if (size > MAX_BYTES) throw new Error(`${name}.png has ${size} bytes, more than ${MAX_BYTES}.`);
    await page.close();
  }
  await shown.close();
}

function which(name) {
  return execFileSync('which', [name], { encoding: 'utf8' }).trim();
}
