import { SchedulerRegistry } from '@nestjs/schedule';
import request from 'supertest';
import { SystemRandom } from '../../src/platform/random.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { FakeClock } from './fake-clock.ts';
import { captureLog, startTestReplica, TEST_ADMIN_KEY, type TestReplica } from './replica.ts';

export interface ConnectStage {
  sandbox: Sandbox;
  replica: TestReplica;
  clock: FakeClock;
  log: ReturnType<typeof captureLog>;
  close(): Promise<void>;
}

export const RETURN_ORIGIN = 'https://app.example';

/** A replica and a Meta of its own, on one fake time. */
export async function connectStage(
  options: { environment?: Record<string, string>; databaseUrl?: string } = {},
): Promise<ConnectStage> {
  const clock = new FakeClock();
  const random = new SystemRandom();
  const sandbox = await startSandbox({
    now: () => clock.now().getTime(),
    randomBytes: (size) => random.bytes(size),
  });
  const log = captureLog('debug');
  const replica = await startTestReplica({
    environment: { ...sandbox.environment(), RETURN_URL_ORIGINS: RETURN_ORIGIN, ...options.environment },
    ...(options.databaseUrl === undefined ? {} : { databaseUrl: options.databaseUrl }),
    overrides: { clock, logger: log.logger },
  });
  // What is done by itself is done when a test says so: it decides what time it is.
  const schedule = replica.app.get(SchedulerRegistry, { strict: false });
  for (const name of schedule.getIntervals()) schedule.deleteInterval(name);
  return {
    sandbox,
    replica,
    clock,
    log,
    close: async () => {
      await replica.close();
      await sandbox.close();
    },
  };
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

/** The whole way of one person through the browser; where it ends. */
export async function goThrough(
  stage: ConnectStage,
  body: Record<string, unknown> = {},
  choice: Parameters<typeof decide>[1] = {},
): Promise<URL> {
  const session = await createSession(stage, body);
  const browser = new TestBrowser(stage);
  const answer = await browser.get(await decide(await browser.open(session.connect_url), choice));
  return new URL(String(answer.headers['location']), 'http://no-location.invalid');
}

/** How many codes were exchanged for tokens so far. */
export function codeExchanges({ sandbox }: Pick<ConnectStage, 'sandbox'>): number {
  return sandbox.state.log.list().filter((call) => call.bodyKeys.includes('code') || call.queryKeys.includes('code'))
    .length;
}
