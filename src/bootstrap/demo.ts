import { rmSync } from 'node:fs';
import path from 'node:path';
import { ensureSecretFile, readSecretFile } from '../config/development-keys.ts';
import { type HttpClient, type HttpResponse, UndiciHttpClient } from '../platform/http-client/http-client.ts';
import { demoScreen } from './demo-screen.ts';
import type { Service } from './start-service.ts';

const TENANT = 'demo-tenant';
const PRODUCT = 'pages';
const TIMEOUT_MS = 20_000;

/**
 * Ensures that a service client and a connected sandbox user exist, by the requests that curl and a browser would make.
 * Reuses those of an earlier start. Returns the screen that says what to try.
 */
export async function runDemo(service: Service, hasColor: boolean): Promise<string> {
  const http = new UndiciHttpClient();
  try {
    const demo = new Demo(service, http);
    const serviceKey = await demo.serviceKey();
    const connection = service.sandbox === null ? null : await demo.connectedUser();
    return demoScreen(
      {
        publicUrl: service.config.publicUrl,
        operationsUrl: service.operationsAddress ?? service.config.publicUrl,
        sandboxUrl: service.sandbox?.url ?? null,
        keyDirectory: path.resolve(service.config.dataDir, 'keys'),
        consoleUrl: await demo.signInLink(),
        adminKey: demo.adminKey,
        serviceKey,
        tenant: TENANT,
        product: PRODUCT,
        connection,
      },
      hasColor,
    );
  } finally {
    await http.close();
  }
}

interface ConnectionResponse {
  id: string;
  meta_user_id: string;
  credentials: { subject_id: string; subject_name: string | null }[];
}

class Demo {
  readonly adminKey: string;

  constructor(
    private readonly service: Service,
    private readonly http: HttpClient,
  ) {
    const key = service.config.bootstrapAdminKey;
    if (key === null) throw new Error('the demo needs an admin key: set BOOTSTRAP_ADMIN_KEY');
    this.adminKey = key.expose();
  }

  /**
   * Returns the key of the client "demo", kept next to the development keys. Creates a client if none exists or its key
   * is lost.
   */
  async serviceKey(): Promise<string> {
    const file = path.resolve(this.service.config.dataDir, 'keys', 'demo-service-key');
    const existingKey = readSecretFile(file);
    if (existingKey !== null && (await this.api('GET', '/v1/connections?limit=1', existingKey)).status === 200)
      return existingKey;
    const client = {
      name: 'demo',
      role: 'service',
      tenants: [TENANT],
      products: [PRODUCT],
      lease_modes: ['gateway', 'token'],
    };
    const response = await this.api('POST', '/v1/clients', this.adminKey, client);
    const { api_key: key } = expectStatus<{ api_key: string }>(response, 201, 'creating the client "demo"');
    rmSync(file, { force: true });
    return ensureSecretFile(file, () => key).secret;
  }

  /** Returns a link that signs in to the console once. */
  async signInLink(): Promise<string> {
    const response = await this.api('POST', '/v1/console/sign-in-links', this.adminKey);
    return expectStatus<{ url: string }>(response, 201, 'creating a sign-in link').url;
  }

  /** Returns the live connection of the demo tenant. Connects if there is none. */
  async connectedUser(): Promise<ConnectionResponse> {
    const existing = await this.liveConnection();
    if (existing !== null) return existing;
    await this.connect();
    const created = await this.liveConnection();
    if (created === null) throw new Error('the demo completed the dialog, but no connection was created');
    return created;
  }

  private async liveConnection(): Promise<ConnectionResponse | null> {
    const response = await this.api(
      'GET',
      `/v1/connections?tenant=${TENANT}&product=${PRODUCT}&status=active`,
      this.adminKey,
    );
    return expectStatus<{ data: ConnectionResponse[] }>(response, 200, 'listing connections').data[0] ?? null;
  }

  /** Connects as a browser does: session, redirect with its cookie, Meta's dialog (accepted), callback. */
  private async connect(): Promise<void> {
    const sessionRequest = { tenant: TENANT, product: PRODUCT, flow: 'facebook_login' };
    const session = expectStatus<{ connect_url: string }>(
      await this.api('POST', '/v1/connect-sessions', this.adminKey, sessionRequest),
      201,
      'creating a connect session',
    );
    const opened = await this.browse(session.connect_url);
    const cookie = [opened.headers['set-cookie'] ?? []]
      .flat()
      .map((line) => line.split(';', 1)[0])
      .join('; ');
    const dialog = new URL(redirectOf(opened, 'opening the connect link'));
    dialog.searchParams.set('sandbox_action', 'approve');
    const approved = await this.browse(dialog.href);
    const callback = new URL(redirectOf(approved, 'accepting the dialog'));
    callback.hash = '';
    const ended = await this.browse(callback.href, cookie);
    if (ended.status >= 400) throw new Error(`the callback failed: ${describe(ended)}`);
  }

  private api(method: string, target: string, key: string, body?: unknown): Promise<HttpResponse> {
    return this.http.send({
      method,
      url: this.service.address + target,
      headers: {
        authorization: `Bearer ${key}`,
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      timeoutMs: TIMEOUT_MS,
    });
  }

  /**
   * Loads a page as a browser does. Calls the listener for our own URLs, because PUBLIC_URL may not be reachable from
   * here.
   */
  private browse(url: string, cookie?: string): Promise<HttpResponse> {
    const { publicUrl } = this.service.config;
    const reachable = url.startsWith(`${publicUrl}/`) ? this.service.address + url.slice(publicUrl.length) : url;
    return this.http.send({
      method: 'GET',
      url: reachable,
      headers: { accept: 'text/html', ...(cookie === undefined ? {} : { cookie }) },
      timeoutMs: TIMEOUT_MS,
    });
  }
}

function expectStatus<T>(response: HttpResponse, status: number, what: string): T {
  if (response.status !== status) throw new Error(`${what} failed: ${describe(response)}`);
  return JSON.parse(response.body.toString('utf8')) as T;
}

function redirectOf(response: HttpResponse, what: string): string {
  const { location } = response.headers;
  if (response.status !== 302 || location === undefined) throw new Error(`${what} failed: ${describe(response)}`);
  return location;
}

function describe(response: HttpResponse): string {
  return `${response.status} ${response.body.toString('utf8').slice(0, 500)}`;
}
