import { execFileSync } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import type { RequestListener, Server } from 'node:http';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, jest } from '@jest/globals';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { type ConnectTestContext, openConnectTestContext } from './connect-test-context.ts';
import { listen } from './http-listener.ts';
import { type CloseLater, openResources } from './open-resources.ts';

/** The headless shell comes first: it takes half the processor time. */
const NAMES = ['chromium-headless-shell', 'chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const CHROMIUM_FLAGS = [
  // Run as root, as in containers, Chromium cannot use its own sandbox.
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
/** Long enough for a browser on a busy machine. */
const TIMEOUT_MS = 60_000;
const CHROMIUM = findChromium(process.env);

/** The Chromium of `CHROMIUM_PATH`, else the first of the usual names on `PATH`; null where there is none. */
function findChromium(environment: Readonly<Record<string, string | undefined>>): string | null {
  const { CHROMIUM_PATH: named, PATH: folders = '' } = environment;
  const candidates =
    named === undefined || named === ''
      ? NAMES.flatMap((name) => folders.split(path.delimiter).map((folder) => path.join(folder, name)))
      : [named];
  return candidates.find(canRun) ?? null;
}

/** Some systems have a stub of this name that only says how to install it. */
function canRun(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    if (!statSync(file).isFile()) return false;
    const version = execFileSync(file, ['--version'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: TIMEOUT_MS,
    });
    return /\d+\.\d+/.test(version);
  } catch {
    return false;
  }
}

/** One user with one browser. */
export interface Visitor {
  context: BrowserContext;
  page: Page;
  /** Errors of pages in any tab, such as policy violations and script errors. Statuses 4xx and 5xx do not count. */
  pageErrors: string[];
}

/** A replica that a browser can visit, a sandbox of another site, a product to return to, and a Chromium. */
export interface BrowserTestContext extends ConnectTestContext {
  /** Where the replica listens, and its `PUBLIC_URL` where a test gives no other. */
  listensAt: string;
  /** A page of the product's own, which sessions may have as `return_url`. */
  returnUrl: string;
  /** Requests for `returnUrl` since the test began. */
  returns: { url: string; referer: string | null }[];
  browser: Browser;
}

/** What tests in a browser work with. */
export interface BrowserTest {
  testContext(): BrowserTestContext;
  /** A user's browser with nothing in it yet. Closed after the test. */
  visitor(settings?: Parameters<Browser['newContext']>[0]): Promise<Visitor>;
}

/** Settings of the replica, or a function that makes them once its address is known. */
type BrowserTestEnvironment =
  | Record<string, string>
  | ((listensAt: string, closeLater: CloseLater) => Promise<Record<string, string>>);

/**
 * `describe` for tests in a real browser: opens a context, and fails a test whose pages had errors. Without a Chromium
 * the tests are skipped, and their title says why.
 */
export function describeInBrowser(
  title: string,
  environment: BrowserTestEnvironment,
  tests: (browserTest: BrowserTest) => void,
): void {
  if (CHROMIUM === null) {
    const nothing: BrowserTest = { testContext: () => missing(), visitor: async () => missing() };
    describe.skip(`${title} [skipped: no Chromium found; install one or set CHROMIUM_PATH]`, () => tests(nothing));
    return;
  }
  const executablePath = CHROMIUM;
  describe(title, () => {
    jest.setTimeout(4 * TIMEOUT_MS);
    // Browsers open and close windows in their own time: only a second failure is ours. The first is printed.
    jest.retryTimes(1, { logErrorsBeforeRetry: true });
    let opening: Promise<BrowserTestContext>;
    let testContext: BrowserTestContext;
    const visitors: Visitor[] = [];
    beforeAll(async () => {
      opening = openBrowserTestContext(executablePath, environment);
      testContext = await opening;
    });
    afterEach(async () => {
      testContext.sandbox.state.faults.clear();
      testContext.returns.length = 0;
      const gone = visitors.splice(0);
      await Promise.all(gone.map((visitor) => visitor.context.close()));
      expect(gone.flatMap((visitor) => visitor.pageErrors)).toEqual([]);
    });
    afterAll(async () => (await opening.catch(() => null))?.close());
    tests({
      testContext: () => testContext,
      visitor: async (settings = {}) => {
        const visitor = await newVisitor(testContext.browser, settings);
        visitors.push(visitor);
        return visitor;
      },
    });
  });
}

function missing(): never {
  throw new Error('there is no Chromium');
}

/** The sandbox is at 127.0.0.1 and the replica at localhost: two sites, so that SameSite matters as in production. */
function openBrowserTestContext(executablePath: string, given: BrowserTestEnvironment): Promise<BrowserTestContext> {
  return openResources(async (closeLater) => {
    const returns: BrowserTestContext['returns'] = [];
    const product = closeLater(await listen(productPage(returns)));
    // The replica's own server does not listen: PUBLIC_URL needs the port before the replica exists.
    let replica: Server | null = null;
    const front = closeLater(await listen((request, response) => replica?.emit('request', request, response)));
    const listensAt = `http://localhost:${front.port}`;
    const returnOrigin = `http://127.0.0.1:${product.port}`;
    const settings = typeof given === 'function' ? await given(listensAt, closeLater) : given;
    const environment = { PUBLIC_URL: listensAt, RETURN_URL_ORIGINS: returnOrigin, ...settings };
    const testContext = closeLater(await openConnectTestContext({ environment }));
    replica = testContext.replica.app.getHttpServer();
    const options = { executablePath, args: CHROMIUM_FLAGS, headless: true, timeout: 2 * TIMEOUT_MS };
    const browser = closeLater(await chromium.launch(options));
    return { ...testContext, listensAt, returnUrl: `${returnOrigin}/done`, returns, browser };
  });
}

function productPage(returns: BrowserTestContext['returns']): RequestListener {
  return (request, response) => {
    if (request.url !== '/favicon.ico')
      returns.push({ url: request.url ?? '', referer: request.headers.referer ?? null });
    response.writeHead(200, { 'Content-Type': 'text/html' }).end('<!doctype html><title>The product</title>');
  };
}

async function newVisitor(
  browser: Browser,
  settings: NonNullable<Parameters<Browser['newContext']>[0]>,
): Promise<Visitor> {
  const context = await browser.newContext(settings);
  context.setDefaultTimeout(TIMEOUT_MS);
  const pageErrors: string[] = [];
  context.on('console', (message) => {
    const isResponse = message.text().startsWith('Failed to load resource: the server responded with a status of');
    if (['error', 'warning'].includes(message.type()) && !isResponse) pageErrors.push(message.text());
  });
  context.on('weberror', (error) => pageErrors.push(String(error.error())));
  return { context, page: await context.newPage(), pageErrors };
}
