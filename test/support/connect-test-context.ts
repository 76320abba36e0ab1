import { SchedulerRegistry } from '@nestjs/schedule';
import request from 'supertest';
import { ConnectionReader } from '../../src/connections/connection/connection.repository.ts';
import type { ConnectionView } from '../../src/connections/connection/connection-response.dto.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { FakeClock } from './fake-clock.ts';
import { assemble } from './open-resources.ts';
import { captureLog, startTestReplica, TEST_ADMIN_KEY, type TestReplica } from './test-replica.ts';
import { startTestSandbox } from './test-sandbox.ts';

export interface ConnectStage {
  sandbox: Sandbox;
  replica: TestReplica;
  clock: FakeClock;
  log: ReturnType<typeof captureLog>;
  /** One more replica on the same database, time, Meta and log; its schedules run. Closed with the stage. */
  another(environment?: Record<string, string>): Promise<TestReplica>;
  close(): Promise<void>;
}

export const RETURN_ORIGIN = 'https://app.example';

/** A replica and a Meta of its own, on one fake time. */
export function connectStage(
  options: { environment?: Record<string, string>; databaseUrl?: string } = {},
): Promise<ConnectStage> {
  return assemble(async (keep) => {
    const clock = new FakeClock();
    const sandbox = keep(await startTestSandbox(clock));
    const log = captureLog('debug');
    const own = { ...sandbox.environment(), RETURN_URL_ORIGINS: RETURN_ORIGIN, ...options.environment };
    const overrides = { clock, logger: log.logger };
    const replica = keep(
      await startTestReplica({
        environment: own,
        ...(options.databaseUrl === undefined ? {} : { databaseUrl: options.databaseUrl }),
        overrides,
      }),
    );
    // What is done by itself is done when a test says so: it decides what time it is.
    const schedule = replica.app.get(SchedulerRegistry, { strict: false });
    for (const name of schedule.getIntervals()) schedule.deleteInterval(name);
    const another: ConnectStage['another'] = async (environment = {}) =>
      keep(
        await startTestReplica({
          environment: { ...own, ...environment },
          databaseUrl: replica.databaseUrl,
          overrides,
        }),
      );
    return { sandbox, replica, clock, log, another };
  });
}

export interface SessionAnswer {
  id: string;
  connect_url: string;
  expires_at: string;
  js_sdk: Record<string, unknown> | null;
}

/** One browser: its own cookies, no scripts. Addresses of the service go to the replica in this process. */
export class TestBrowser {
  readonly cookies = new Map<string, string>();

  constructor(private readonly stage: Pick<ConnectStage, 'replica'>) {}

  get cookieHeader(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  async get(url: string, headers: Record<string, string> = {}): Promise<request.Response> {
    const { pathname, search } = new URL(url, 'http://localhost:3000');
    const answer = await request(this.stage.replica.app.getHttpServer())
      .get(pathname + search)
      .set('Cookie', this.cookieHeader)
      .set(headers);
    for (const line of ([answer.headers['set-cookie'] ?? []] as string[][]).flat()) {
      const [pair = ''] = line.split(';');
      const at = pair.indexOf('=');
      this.cookies.set(pair.slice(0, at), pair.slice(at + 1));
    }
    return answer;
  }

  /** Opens a connect link; the dialog's address. */
  async open(connectUrl: string): Promise<URL> {
    const answer = await this.get(connectUrl);
    if (answer.status !== 302) throw new Error(`opening the link gave ${answer.status}: ${answer.text}`);
    return new URL(String(answer.headers['location']));
  }
}

/** Answers a dialog of the sandbox as a person would; the callback's address. */
export async function decide(
  dialog: URL,
  choice: { action?: 'approve' | 'deny' | 'error_901'; user?: string; decline?: string[] } = {},
): Promise<string> {
  const url = new URL(dialog);
  url.searchParams.set('sandbox_action', choice.action ?? 'approve');
  if (choice.user !== undefined) url.searchParams.set('sandbox_user', choice.user);
  if (choice.decline !== undefined) url.searchParams.set('sandbox_decline', choice.decline.join(','));
  const answer = await fetch(url, { redirect: 'manual' });
  const location = answer.headers.get('location');
  if (location === null) throw new Error(`the dialog gave ${answer.status}: ${await answer.text()}`);
  return location;
}

/** Calls the API as a client. */
export function api(stage: Pick<ConnectStage, 'replica'>, key = TEST_ADMIN_KEY) {
  const server = stage.replica.app.getHttpServer();
  return {
    get: (path: string) => request(server).get(path).set('Authorization', `Bearer ${key}`),
    post: (path: string, body: object) => request(server).post(path).set('Authorization', `Bearer ${key}`).send(body),
    patch: (path: string, body: object) => request(server).patch(path).set('Authorization', `Bearer ${key}`).send(body),
    delete: (path: string) => request(server).delete(path).set('Authorization', `Bearer ${key}`),
  };
}

export async function createSession(
  stage: Pick<ConnectStage, 'replica'>,
  body: Record<string, unknown> = {},
): Promise<SessionAnswer> {
  const answer = await api(stage).post('/v1/connect-sessions', {
    tenant: 'acme',
    product: 'pages',
    flow: 'facebook_login',
    return_url: `${RETURN_ORIGIN}/done`,
    ...body,
  });
  if (answer.status !== 201) throw new Error(`no session: ${answer.status} ${answer.text}`);
  return answer.body as SessionAnswer;
}

/** Somebody who has decided in the dialog, and whose browser has not delivered the callback yet. */
export interface AtCallback {
  session: SessionAnswer;
  browser: TestBrowser;
  dialog: URL;
  callback: string;
}

/** One person's way as far as the callback. */
export async function goToCallback(
  stage: Pick<ConnectStage, 'replica'>,
  body: Record<string, unknown> = {},
  choice: Parameters<typeof decide>[1] = {},
): Promise<AtCallback> {
  const session = await createSession(stage, body);
  const browser = new TestBrowser(stage);
  const dialog = await browser.open(session.connect_url);
  return { session, browser, dialog, callback: await decide(dialog, choice) };
}

/** The whole way of one person through the browser; where it ends. */
export async function goThrough(
  stage: Pick<ConnectStage, 'replica'>,
  body: Record<string, unknown> = {},
  choice: Parameters<typeof decide>[1] = {},
): Promise<URL> {
  const { browser, callback } = await goToCallback(stage, body, choice);
  const answer = await browser.get(callback);
  return new URL(String(answer.headers['location']), 'http://no-location.invalid');
}

/** The connection that a `return_url` was told of. */
export async function connectionAt({ replica }: Pick<ConnectStage, 'replica'>, end: URL): Promise<ConnectionView> {
  const id = end.searchParams.get('connection_id') ?? '';
  const found = await replica.app.get(ConnectionReader).findAcrossTenants(id);
  if (found === null) throw new Error(`no connection at ${end.href}`);
  return found;
}

/** A new service, for all tenants and products unless its policy says less. */
export async function makeService(
  stage: Pick<ConnectStage, 'replica'>,
  policy: Record<string, unknown> = {},
): Promise<{ id: string; key: string }> {
  const body = { name: 'a service', role: 'service', tenants: ['*'], products: ['*'], ...policy };
  const answer = await api(stage).post('/v1/clients', body);
  if (answer.status !== 201) throw new Error(`no client: ${answer.status} ${answer.text}`);
  const { id, api_key: key } = answer.body as { id: string; api_key: string };
  return { id, key };
}

/** How many codes were exchanged for tokens so far. */
export function codeExchanges({ sandbox }: Pick<ConnectStage, 'sandbox'>): number {
  return sandbox.state.log.list().filter((call) => call.bodyKeys.includes('code') || call.queryKeys.includes('code'))
    .length;
}
