import { expect, it } from '@jest/globals';
import pg from 'pg';
import type { Page } from 'playwright-core';
import { Database } from '../../src/database/database.ts';
import type { Statement } from '../../src/database/statement.ts';
import { connectUser, signInToConsole } from '../support/console-visitor.ts';
import { copyRows } from '../support/copy-rows.ts';
import { type BrowserTestContext, describeInBrowser } from '../support/describe-in-browser.ts';

const CONNECTIONS = 100_000;
const PAGE_SIZE = 50;
const FORWARD_PAGES = 20;
const LAST_PAGES = 5;

/** Adds copies of a real connection and its token. Without triggers, because their counts do not matter here. */
async function fill({ replica }: BrowserTestContext, id: string): Promise<void> {
  const client = new pg.Client({ connectionString: replica.databaseUrl });
  await client.connect();
  try {
    await client.query('SET session_replication_role = replica');
    const database = {
      rows: async ({ text, values }: Statement) => (await client.query(text, values)).rows,
      run: async ({ text, values }: Statement) => (await client.query(text, values)).rowCount ?? 0,
    };
    const copy = (table: string, where: string, set: Record<string, string>) =>
      copyRows(database, { table, each: 'generate_series(1, $2::int - 1) n', where, set, values: [id, CONNECTIONS] });
    const [connectionId, tenant] = [`'con_0' || lpad(n::text, 25, '0')`, `'tenant-' || n % 1000`];
    await copy('connection', 'o.id = $1', {
      id: connectionId,
      meta_user_id: `'user' || n`,
      tenant,
      reference: `'order ' || n`,
    });
    await copy('credential', 'o.connection_id = $1 AND o.is_root', {
      id: `'crd_0' || lpad(n::text, 25, '0')`,
      connection_id: connectionId,
      tenant,
      token_hash: 'NULL',
    });
    await client.query('ANALYZE connection, credential');
  } finally {
    await client.end();
  }
}

/** The ids of all connections in the order of the list. */
async function readIds({ replica }: BrowserTestContext): Promise<string[]> {
  const text = 'SELECT id FROM connection ORDER BY id COLLATE "C"';
  return (await replica.app.get(Database).longRunning.rows<{ id: string }>({ text })).map(({ id }) => id);
}

/** The connections on the page, once the page after `before` is shown. */
async function readRows(page: Page, before: string | null): Promise<string[]> {
  const links = page.locator('tbody a[href*="/connections/con_"]');
  if (before !== null) await page.locator(`tbody a[href$="/${before}"]`).waitFor({ state: 'detached' });
  await links.first().waitFor();
  return links.evaluateAll((found) => found.map((link) => String(link.getAttribute('href')).split('/').at(-1) ?? ''));
}

/** Nodes and memory of the page after garbage collection. */
async function measure(page: Page): Promise<{ nodes: number; heapBytes: number }> {
  const devTools = await page.context().newCDPSession(page);
  await devTools.send('HeapProfiler.collectGarbage');
  await devTools.send('Performance.enable');
  const { metrics } = await devTools.send('Performance.getMetrics');
  const metric = (name: string): number => metrics.find((each) => each.name === name)?.value ?? Number.NaN;
  const measured = { nodes: metric('Nodes'), heapBytes: metric('JSHeapUsedSize') };
  await devTools.detach();
  return measured;
}

describeInBrowser('a hundred thousand connections in the console', {}, (browserTest) => {
  const { testContext } = browserTest;

  it('are paged through without a gap or a repeat, there and back, in bounded memory', async () => {
    const context = testContext();
    if ((await readIds(context)).length < CONNECTIONS)
      await fill(context, await connectUser(context, 'first', 'Ada Baker'));
    const all = await readIds(context);
    expect([all.length, new Set(all).size]).toEqual([CONNECTIONS, CONNECTIONS]);

    const { page } = await signInToConsole(browserTest, '/connections');
    const next = page.getByRole('button', { name: 'Next' });
    const seen = await readRows(page, null);
    let early = await measure(page);
    for (let count = 1; count < FORWARD_PAGES; count++) {
      const first = seen.at(-PAGE_SIZE) ?? '';
      await next.click();
      const rows = await readRows(page, first);
      expect(rows).toHaveLength(PAGE_SIZE);
      seen.push(...rows);
      if (count === 5) early = await measure(page);
    }
    expect(seen).toEqual(all.slice(0, FORWARD_PAGES * PAGE_SIZE));
    const late = await measure(page);
    expect(late.nodes).toBeLessThan(1.5 * early.nodes);
    expect(late.heapBytes - early.heapBytes).toBeLessThan(8 * 1024 * 1024);

    const pageOf = (number: number): string[] => all.slice(number * PAGE_SIZE, (number + 1) * PAGE_SIZE);
    const shown = (number: number) => page.locator(`tbody a[href$="/${pageOf(number)[0]}"]`).waitFor();
    const current = FORWARD_PAGES - 1;
    await page.goBack();
    await shown(current - 1);
    await page.goForward();
    await shown(current);
    await page.locator('tbody a[href*="/connections/con_"]').nth(3).click();
    await page.waitForURL(/\/console\/connections\/con_/);
    await page.goBack();
    await shown(current);
    await page.reload();
    await shown(current);

    const cursor = Buffer.from(all.at(-1 - LAST_PAGES * PAGE_SIZE) ?? '').toString('base64url');
    await page.goto(`${context.listensAt}/console/connections?cursor=${cursor}`);
    const last = await readRows(page, null);
    while (last.length < LAST_PAGES * PAGE_SIZE) {
      const first = last.at(-PAGE_SIZE) ?? '';
      await next.click();
      last.push(...(await readRows(page, first)));
    }
    expect(last).toEqual(all.slice(-LAST_PAGES * PAGE_SIZE));
    expect(await next.isDisabled()).toBe(true);
  }, 300_000);
});
