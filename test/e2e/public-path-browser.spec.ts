import http from 'node:http';
import { expect, it } from '@jest/globals';
import { api } from '../support/connect-test-context.ts';
import { fillInKey } from '../support/console-visitor.ts';
import { describeInBrowser } from '../support/describe-in-browser.ts';
import { listen } from '../support/http-listener.ts';
import { TEST_ADMIN_KEY } from '../support/test-replica.ts';

const PATH = '/vault';
let proxied: string;

describeInBrowser(
  'below a path of PUBLIC_URL',
  async (listensAt, closeLater) => {
    // A proxy that strips the path, and returns 404 for all others.
    const proxy = closeLater(
      await listen((request, response) => {
        if (request.url !== PATH && request.url?.startsWith(`${PATH}/`) !== true) {
          response.writeHead(404).end();
          return;
        }
        const path = request.url.slice(PATH.length) || '/';
        const { method, headers } = request;
        const onward = http.request(listensAt + path, { method, headers }, (answer) => {
          response.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(response);
        });
        onward.on('error', () => response.destroy());
        request.pipe(onward);
      }),
    );
    proxied = `http://localhost:${proxy.port}${PATH}`;
    return { PUBLIC_URL: proxied };
  },
  (browserTest) => {
    const { testContext } = browserTest;

    /** A visitor's page, and its requests for anything that is not below the path. */
    async function visit() {
      const visitor = await browserTest.visitor({ locale: 'en-US' });
      const beyond: string[] = [];
      visitor.page.on('request', (request) => {
        const url = request.url();
        if (url.startsWith('http') && !url.startsWith(`${proxied}/`)) beyond.push(url);
      });
      return { ...visitor, beyond };
    }

    it('the console has its pages, its files, and the API there, and stays there', async () => {
      const { make } = testContext().sandbox.state;
      const { id: userId } = make.user({ kind: 'user', name: 'Ada Baker' });
      make.page({ userIds: [userId] });
      const token = make.token({ userId, appId: testContext().sandbox.app.id, longLived: true });
      const body = { tenant: 'acme', product: 'pages', access_token: token.accessToken };
      await api(testContext()).post('/v1/connections/import', body).expect(201);
      const { page, context, beyond } = await visit();
      await context.clock.setSystemTime(testContext().clock.now());
      await page.goto(`${proxied}/console/connections`);
      await fillInKey(page, TEST_ADMIN_KEY);
      await page.getByRole('link', { name: 'Ada Baker' }).click();
      await page.getByRole('heading', { name: 'Ada Baker', level: 1 }).waitFor();
      expect(page.url()).toMatch(new RegExp(`^${proxied}/console/connections/con_`));
      await page.reload();
      await page.getByRole('heading', { name: 'Ada Baker', level: 1 }).waitFor();
      await page.getByRole('link', { name: 'Leases', exact: true }).click();
      await page.getByRole('heading', { name: 'Leases', level: 1 }).waitFor();
      await page.getByTitle('Your session').click();
      await page.getByRole('button', { name: 'Sign out', exact: true }).click();
      await page.getByRole('heading', { name: 'Sign in to Metavault' }).waitFor();
      expect(page.url()).toBe(`${proxied}/console`);
      await fillInKey(page, 'mtv_not-a-key');
      const about = page.getByRole('alert').getByRole('link', { name: 'About this problem' });
      expect(await about.getAttribute('href')).toBe(`${PATH}/problems/sign_in_refused`);
      await page.goto(`${proxied}/`);
      await page.getByRole('link', { name: 'Console' }).click();
      await page.getByRole('heading', { name: 'Sign in to Metavault' }).waitFor();
      expect(beyond).toEqual([]);
    });

    it('the API reference has its files, the document, and the API there', async () => {
      const { page, beyond } = await visit();
      await page.goto(`${proxied}/docs`);
      await page.getByText('Check that the process is running', { exact: true }).click();
      await page.getByRole('button', { name: 'Try it out' }).click();
      await page.getByRole('button', { name: 'Execute' }).click();
      await page.getByText(`${proxied}/health/live`, { exact: true }).first().waitFor();
      expect(beyond).toEqual([]);
    });
  },
);
