import { expect, it } from '@jest/globals';
import { describeInBrowser } from '../support/describe-in-browser.ts';
import {
  button,
  CONFIG_ID,
  cameBack,
  ENVIRONMENT,
  expectEnabled,
  sessionOf,
  WABA,
} from '../support/embedded-signup-pages.ts';

describeInBrowser(
  "Embedded Signup with Meta's own addresses",
  { ...ENVIRONMENT, META_DIALOG_URL: 'https://www.facebook.com' },
  ({ testContext, visitor }) => {
    /** What the real SDK does to a page: loads more scripts, calls home, frames facebook.com. */
    const SDK = `(() => {
      const more = document.createElement('script');
      more.src = 'https://connect.facebook.net/en_US/sdk.js?hash=1';
      more.onload = () => window.fbAsyncInit();
      document.head.append(more);
    })();`;
    const REST = `window.FB = {
      init: (options) => { window.given = { init: options }; },
      login: (callback, options) => { window.given.login = options; window.finish = callback; }
    };
    const frame = document.createElement('iframe');
    frame.src = 'https://staticxx.facebook.com/x/connect/xd_arbiter/';
    document.body.append(frame);
    fetch('https://graph.facebook.com/v26.0/app_events');`;

    it('loads the SDK with the parameters of /meta/config, and trusts only Meta', async () => {
      const { page, context, pageErrors } = await visitor();
      const asked: string[] = [];
      await context.route(/^https:\/\/[a-z]+\.facebook\.(com|net)\//, async (route) => {
        const url = new URL(route.request().url());
        asked.push(url.host);
        const body = url.host !== 'connect.facebook.net' ? '{}' : url.search === '' ? SDK : REST;
        const contentType = url.host === 'connect.facebook.net' ? 'text/javascript' : 'application/json';
        await route.fulfill({ contentType, body, headers: { 'Access-Control-Allow-Origin': '*' } });
      });
      await page.goto((await sessionOf(testContext())).connect_url);
      await expectEnabled(page);
      await button(page).click();
      const config = (await (await fetch(`${testContext().listensAt}/meta/config`)).json()) as Record<string, unknown>;
      expect(await page.evaluate('JSON.parse(JSON.stringify(window.given))')).toEqual({
        init: { appId: config['app_id'], version: config['graph_api_version'], autoLogAppEvents: true, xfbml: true },
        login: {
          config_id: CONFIG_ID,
          response_type: 'code',
          override_default_response_type: true,
          extras: {},
        },
      });
      expect([...new Set(asked)].sort()).toEqual([
        'connect.facebook.net',
        'graph.facebook.com',
        'staticxx.facebook.com',
      ]);
      const tell = (origin: string, data: unknown) =>
        page.evaluate(`dispatchEvent(new MessageEvent('message', ${JSON.stringify({ origin, data })}))`);
      const finish = (waba: string, event = 'FINISH') =>
        JSON.stringify({ type: 'WA_EMBEDDED_SIGNUP', event, data: { waba_id: waba } });
      for (const origin of [
        'https://evilfacebook.com',
        'https://www.facebook.com.evil.example',
        'http://www.facebook.com',
        'https://facebook.com.',
        'null',
        testContext().listensAt,
      ]) {
        await tell(origin, finish('666'));
      }
      for (const noise of ['cb=f1&relation=opener', '', '{', 'null', '[]', 7, null, { type: 'other' }]) {
        await tell('https://www.facebook.com', noise);
      }
      await tell('https://business.facebook.com', finish(WABA, 'FINISH_OBO_MIGRATION'));
      // The page also posts a report of the message, which may still be on its way.
      const posted = page.waitForRequest((request) => new URL(request.url()).pathname.endsWith('/complete'));
      await page.evaluate(`window.finish({ authResponse: { code: 'AQforged' } })`);
      expect((await posted).postDataJSON()).toEqual({
        code: 'AQforged',
        event: 'FINISH_OBO_MIGRATION',
        waba_id: WABA,
      });
      expect((await cameBack(testContext(), page)).search).toBe('?status=error&error=code_rejected');
      expect(pageErrors).toEqual([]);
    });

    it('runs nothing that is not from us or Meta', async () => {
      const { page, context, pageErrors } = await visitor();
      await context.route(/^https:\/\/[a-z]+\.facebook\.(com|net)\//, (route) => route.fulfill({ body: '' }));
      await page.goto((await sessionOf(testContext())).connect_url);
      const failed = page.evaluate(`new Promise((resolve) => {
        document.body.insertAdjacentHTML('beforeend', '<img src="x" onerror="window.ran = 1">');
        document.querySelector('img').addEventListener('error', resolve);
      })`);
      await failed;
      expect(await page.evaluate(`fetch('https://evil.example/').then(() => 'sent', () => 'refused')`)).toBe('refused');
      expect(await page.evaluate('window.ran')).toBeUndefined();
      const refused = pageErrors.splice(0).join();
      expect(refused).toContain('Executing inline event handler violates');
      expect(refused).toContain("Connecting to 'https://evil.example/' violates");
    });
  },
);
