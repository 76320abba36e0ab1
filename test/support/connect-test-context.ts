import { SchedulerRegistry } from '@nestjs/schedule';
import request from 'supertest';
import { ConnectionRepository } from '../../src/connections/connection/connection.repository.ts';
import type { ConnectionResponse } from '../../src/connections/connection/connection-response.dto.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { FakeClock } from './fake-clock.ts';
import { PATIENCE } from './fresh-database.ts';
import { openResources } from './open-resources.ts';
import { captureLog, startTestReplica, TEST_ADMIN_KEY, type TestReplica } from './test-replica.ts';
import { startTestSandbox } from './test-sandbox.ts';

export interface ConnectTestContext {
  sandbox: Sandbox;
  replica: TestReplica;
  clock: FakeClock;
  log: ReturnType<typeof captureLog>;
  /** One more replica on the same database, time, Meta and log; its schedules run. Closed with the context. */
  startAnotherReplica(environment?: Record<string, string>): Promise<TestReplica>;
  close(): Promise<void>;
}

export const RETURN_ORIGIN = 'https://app.example';

/** A replica and a Meta of its own, on one fake time. */
export function openConnectTestContext(
  options: { environment?: Record<string, string>; databaseUrl?: string; databasePatience?: number } = {},
): Promise<ConnectTestContext> {
  return openResources(async (closeLater) => {
    const clock = new FakeClock();
    const sandbox = closeLater(await startTestSandbox(clock));
    const log = captureLog('debug');
    const own = { ...sandbox.environment(), RETURN_URL_ORIGINS: RETURN_ORIGIN, ...options.environment };
    const { databasePatience = PATIENCE } = options;
    const overrides = { clock, logger: log.logger, databasePatience };
    const replica = closeLater(
      await startTestReplica({
        environment: own,
        ...(options.databaseUrl === undefined ? {} : { databaseUrl: options.databaseUrl }),
        overrides,
      }),
    );
    // Scheduled work runs only when a test says so, because the test sets the time.
    const schedule = replica.app.get(SchedulerRegistry, { strict: false });
    for (const name of schedule.getIntervals()) schedule.deleteInterval(name);
    const startAnotherReplica: ConnectTestContext['startAnotherReplica'] = async (environment = {}) =>
      closeLater(
        await startTestReplica({
          environment: { ...own, ...environment },
          databaseUrl: replica.databaseUrl,
          overrides,
        }),
      );
    return { sandbox, replica, clock, log, startAnotherReplica };
  });
}

export interface ConnectSessionBody {
  id: string;
  connect_url: string;
  expires_at: string;
  js_sdk: Record<string, unknown> | null;
}

/** One browser: its own cookies, no scripts. Requests to the service's address go to the replica in this process. */
export class TestBrowser {
  readonly cookies = new Map<string, string>();

  constructor(private readonly context: Pick<ConnectTestContext, 'replica'>) {}

  get cookieHeader(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  async get(url: string, headers: Record<string, string> = {}): Promise<request.Response> {
    return this.keepCookies(await this.send('get', url).set(headers));
  }

  /** Follows the redirect of a callback to our last page. */
  async arrive(callback: string, headers: Record<string, string> = { Accept: 'text/html' }): Promise<request.Response> {
    const left = await this.get(callback, headers);
    if (left.status !== 303) throw new Error(`the callback gave ${left.status}: ${left.text}`);
    return this.get(String(left.headers['location']), headers);
  }

  /** Posts as a page of this origin does. */
  async post(url: string, body: object | undefined, origin: string, headers: Record<string, string> = {}) {
    return this.keepCookies(await this.send('post', url).set('Origin', origin).set(headers).send(body));
  }

  private send(method: 'get' | 'post', url: string): request.Test {
    const { pathname, search } = new URL(url, 'http://localhost:3000');
    const test = request(this.context.replica.app.getHttpServer())[method](pathname + search);
    return test.set('Cookie', this.cookieHeader);
  }

  private keepCookies(response: request.Response): request.Response {
    for (const line of ([response.headers['set-cookie'] ?? []] as string[][]).flat()) {
      const [pair = ''] = line.split(';');
      const at = pair.indexOf('=');
      if (/; Max-Age=0(?:;|$)/i.test(line)) this.cookies.delete(pair.slice(0, at));
      else this.cookies.set(pair.slice(0, at), pair.slice(at + 1));
    }
    return response;
  }

  /** Opens a connect link and returns the dialog's address. */
  async open(connectUrl: string): Promise<URL> {
    const response = await this.get(connectUrl);
    if (response.status !== 302) throw new Error(`opening the link gave ${response.status}: ${response.text}`);
    return new URL(String(response.headers['location']));
  }
}

/** Answers a dialog of the sandbox as a user would. Returns the callback's address. */
export async function completeDialog(
  dialog: URL,
  choice: { action?: 'approve' | 'deny' | 'error_901'; user?: string; decline?: string[] } = {},
): Promise<string> {
  const url = new URL(dialog);
  url.searchParams.set('sandbox_action', choice.action ?? 'approve');
  if (choice.user !== undefined) url.searchParams.set('sandbox_user', choice.user);
  if (choice.decline !== undefined) url.searchParams.set('sandbox_decline', choice.decline.join(','));
  const response = await fetch(url, { redirect: 'manual' });
  const location = response.headers.get('location');
  if (location === null) throw new Error(`the dialog gave ${response.status}: ${await response.text()}`);
  return location;
}

/** Calls the API as a client. */
export function api(context: Pick<ConnectTestContext, 'replica'>, key = TEST_ADMIN_KEY) {
  const server = context.replica.app.getHttpServer();
  return {
    get: (path: string) => request(server).get(path).set('Authorization', `Bearer ${key}`),
    post: (path: string, body: object) => request(server).post(path).set('Authorization', `Bearer ${key}`).send(body),
    patch: (path: string, body: object) => request(server).patch(path).set('Authorization', `Bearer ${key}`).send(body),
    delete: (path: string) => request(server).delete(path).set('Authorization', `Bearer ${key}`),
  };
}

export async function createSession(
  context: Pick<ConnectTestContext, 'replica'>,
  body: Record<string, unknown> = {},
): Promise<ConnectSessionBody> {
  const response = await api(context).post('/v1/connect-sessions', {
    tenant: 'acme',
    product: 'pages',
    flow: 'facebook_login',
    return_url: `${RETURN_ORIGIN}/done`,
    ...body,
  });
  if (response.status !== 201) throw new Error(`no session: ${response.status} ${response.text}`);
  return response.body as ConnectSessionBody;
}

/** A user who has decided in the dialog, and whose browser has not delivered the callback yet. */
export interface BrowserAtCallback {
  session: ConnectSessionBody;
  browser: TestBrowser;
  dialog: URL;
  callback: string;
}

/** Takes one user as far as the callback. */
export async function browseToCallback(
  context: Pick<ConnectTestContext, 'replica'>,
  body: Record<string, unknown> = {},
  choice: Parameters<typeof completeDialog>[1] = {},
): Promise<BrowserAtCallback> {
  const session = await createSession(context, body);
  const browser = new TestBrowser(context);
  const dialog = await browser.open(session.connect_url);
  return { session, browser, dialog, callback: await completeDialog(dialog, choice) };
}

/** Takes one user all the way through the browser. Returns the address where it ends. */
export async function completeConnect(
  context: Pick<ConnectTestContext, 'replica'>,
  body: Record<string, unknown> = {},
  choice: Parameters<typeof completeDialog>[1] = {},
): Promise<URL> {
  const { browser, callback } = await browseToCallback(context, body, choice);
  const response = await browser.get(callback);
  return new URL(String(response.headers['location']), 'http://no-location.invalid');
}

/** The connection that a `return_url` names. */
export async function connectionAt(
  { replica }: Pick<ConnectTestContext, 'replica'>,
  end: URL,
): Promise<ConnectionResponse> {
  const id = end.searchParams.get('connection_id') ?? '';
  const found = await replica.app.get(ConnectionRepository).findAcrossTenants(id);
  if (found === null) throw new Error(`no connection at ${end.href}`);
  return found;
}

/** Creates a service client for all tenants and products, unless `policy` limits it. */
export async function createServiceClient(
  context: Pick<ConnectTestContext, 'replica'>,
  policy: Record<string, unknown> = {},
): Promise<{ id: string; key: string }> {
  const body = { name: 'a service', role: 'service', tenants: ['*'], products: ['*'], ...policy };
  const response = await api(context).post('/v1/clients', body);
  if (response.status !== 201) throw new Error(`no client: ${response.status} ${response.text}`);
  const { id, api_key: key } = response.body as { id: string; api_key: string };
  return { id, key };
}

/** How many codes were exchanged for tokens so far. */
export function countCodeExchanges({ sandbox }: Pick<ConnectTestContext, 'sandbox'>): number {
  return sandbox.state.log.list().filter((call) => call.bodyKeys.includes('code') || call.queryKeys.includes('code'))
    .length;
}
