import { expect, it } from '@jest/globals';
import { createSession } from '../support/connect-test-context.ts';
import { describeInBrowser } from '../support/describe-in-browser.ts';

describeInBrowser('a user in a browser, through the confirmation page', {}, ({ testContext, visitor }) => {
  const link = async (body: Record<string, unknown> = {}) =>
    (await createSession(testContext(), { confirm: true, return_url: testContext().returnUrl, ...body })).connect_url;

  it('reads who is asking for what, continues, and returns to the product', async () => {
    const { page, context } = await visitor();
    await page.goto(await link({ tenant_name: 'Acme Bakery' }));
    expect(await page.locator('h1').innerText()).toBe('Connect your Facebook Pages to Acme Bakery?');
    expect(await context.cookies()).toEqual([]);
    await page.getByRole('button', { name: 'Continue to Facebook' }).click();
    await page.waitForURL((url) => url.origin === new URL(testContext().sandbox.url).origin);
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.waitForURL((url) => url.href.startsWith(`${testContext().returnUrl}?status=connected`));
  });

  it('reaches the Embedded Signup page', async () => {
    const { page } = await visitor();
    await page.goto(await link({ product: 'whatsapp', flow: 'embedded_signup' }));
    await page.getByRole('button', { name: 'Continue to Facebook' }).click();
    await page.waitForURL('**/signup');
    expect(await page.locator('h1').innerText()).toBe('Connect WhatsApp');
  });
});
