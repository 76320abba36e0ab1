import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { PrivacyRequestResumeJob } from '../../src/webhooks/privacy-requests/privacy-request-resume.job.ts';
import { createSession } from '../support/connect-test-context.ts';
import { describeInBrowser, type Visitor } from '../support/describe-in-browser.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const LOGO = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 40"><rect width="200" height="40"/></svg>';
const BRAND = {
  BRAND_NAME: 'Acme Desk',
  BRAND_COLOR: '#ffd400',
  BRAND_LOGO_URL: `data:image/svg+xml;base64,${Buffer.from(LOGO).toString('base64')}`,
};
const PHONE = { viewport: { width: 360, height: 640 }, isMobile: true, hasTouch: true };
const DESK = { viewport: { width: 1280, height: 800 } };
const SIGNUP = { product: 'whatsapp', flow: 'embedded_signup', return_url: undefined };

interface Violation {
  id: string;
  impact: string | null;
  nodes: string[];
}

/** Serious barriers to accessibility that axe-core finds on a page. */
async function findBarriers(page: Page): Promise<Violation[]> {
  await page.evaluate(AXE);
  const found = await page.evaluate<Violation[]>(
    `axe.run().then(({ violations }) => violations.map(({ id, impact, nodes }) => ({
      id, impact, nodes: nodes.map(({ html }) => html) })))`,
  );
  return found.filter(({ impact }) => impact === 'serious' || impact === 'critical');
}

/** Checks accessibility, width, text direction, and that all styles come from one file. */
async function expectUsable(page: Page): Promise<void> {
  expect(await findBarriers(page)).toEqual([]);
  expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
  expect(await page.evaluate('document.documentElement.dir')).toBe('ltr');
  // All styles and scripts come from files; the SDK's are not ours.
  expect(await page.locator('style, [style]').count()).toBe(0);
  expect(await page.evaluate('document.styleSheets.length')).toBe(1);
}

describeInBrowser("the customers' pages", BRAND, ({ testContext, visitor }) => {
  const link = async (body: Record<string, unknown> = {}) =>
    (await createSession(testContext(), { return_url: undefined, tenant_name: 'Padaria São João', ...body }))
      .connect_url;
  const approve = ({ page }: Visitor) => page.getByRole('button', { name: 'Continue', exact: true }).click();
  const atEnd = async ({ page }: Visitor) => page.waitForURL(/\/connect\/cns_[0-9a-z]{26}\/done\?attempt=[0-9a-f]{16}/);

  /** Each page in a language of its own; together all pages and all languages. */
  const PAGES: Record<string, { locale: string; heading: RegExp; open: (user: Visitor) => Promise<unknown> }> = {
    confirmation: {
      locale: 'pt-BR',
      heading: /^Conectar suas Páginas do Facebook a Padaria São João\?$/,
      open: async ({ page }) => page.goto(await link({ confirm: true, locale: 'pt-BR' })),
    },
    signup: {
      locale: 'es',
      heading: /^Conectar WhatsApp$/,
      open: async ({ page }) => {
        await page.goto(await link({ ...SIGNUP, locale: 'es' }));
        await page.locator('#start:enabled').waitFor();
      },
    },
    'connected, with a step left': {
      locale: 'en',
      heading: /^Connected$/,
      open: async (user) => {
        const { page } = user;
        await page.goto(`${await link(SIGNUP)}/dialog`);
        await approve(user);
        await atEnd(user);
      },
    },
    error: {
      locale: 'es',
      heading: /^Se canceló el inicio de sesión\. No se conectó nada\.$/,
      open: async (user) => {
        await user.page.goto(await link({ locale: 'es' }));
        await user.page.getByRole('button', { name: 'Not now' }).click();
        await atEnd(user);
      },
    },
    'data deletion': {
      locale: 'pt-BR',
      heading: /^Seus dados foram excluídos$/,
      open: async (user) => {
        const { sandbox, listensAt, replica } = testContext();
        const { id: userId } = sandbox.state.make.user({ name: 'Leaving' });
        const { page } = user;
        await page.goto(await link({ tenant: 'leaving' }));
        await page.getByLabel('Continue as').selectOption(userId);
        await approve(user);
        await atEnd(user);
        const url = `${listensAt}/webhooks/meta/data-deletion`;
        const sent = await sandbox.state.sendSignedRequest({ kind: 'data_deletion', userId, url });
        const { url: status } = JSON.parse(sent.body) as { url: string };
        await replica.app.get(PrivacyRequestResumeJob).resumeUnfinished();
        await page.setExtraHTTPHeaders({ 'Accept-Language': 'pt' });
        await page.goto(status);
      },
    },
  };

  describe.each(Object.entries(PAGES))('%s', (_, { locale, heading, open }) => {
    it.each([
      ['a phone, dark', { ...PHONE, colorScheme: 'dark' }],
      ['a desk, light', { ...DESK, colorScheme: 'light' }],
    ] as const)('is usable on %s', async (__, settings) => {
      const user = await visitor(settings);
      await open(user);
      expect(await user.page.locator('h1').innerText()).toMatch(heading);
      expect(await user.page.evaluate('document.documentElement.lang')).toBe(locale);
      await user.page.getByRole('img', { name: 'Acme Desk' }).waitFor();
      expect(await user.page.evaluate('document.images[0].naturalWidth > 0')).toBe(true);
      await expectUsable(user.page);
    });
  });
});
