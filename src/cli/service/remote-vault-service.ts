import { createHmac } from 'node:crypto';
import { StartupError } from '../../bootstrap/startup-error.ts';
import { isLoopback } from '../../config/setting-readers.ts';
import type { ConnectionResponse } from '../../connections/connection/connection-response.dto.ts';
import { toBrought } from '../../connections/description/description.ts';
import type { ConnectionId } from '../../connections/ids.ts';
import { DAY_SECONDS } from '../../platform/duration.ts';
import {
  type HttpClient,
  HttpRequestError,
  type HttpResponse,
  UndiciHttpClient,
} from '../../platform/http-client/http-client.ts';
import type { ProblemCode } from '../../platform/problem.ts';
import { SecretString } from '../../platform/secret-string.ts';
import { UsageError } from '../command-error.ts';
import { readText } from '../terminal/read-text.ts';
import type { ImportedToken, ImportResult, SweepResult, VaultService } from './vault-service.ts';

const TIMEOUT_MS = 60_000;
/** The response to a sweep comes when everything that is due is done. */
const SWEEP_TIMEOUT_MS = DAY_SECONDS * 1000;

interface RemoteServiceOptions {
  publicUrl: string;
  bootstrapAdminKey: SecretString | null;
  url?: string;
  keyFile?: string;
}

interface Problem {
  code?: ProblemCode;
  detail?: string;
  remedy?: string;
}

/**
 * Runs `work` through the API of a running service, as an admin. Throws `UsageError` before anything is sent if keys
 * and tokens would travel in plain text, and `StartupError` if the service can't be reached.
 */
export async function withRemoteVaultService<T>(
  address: RemoteServiceOptions,
  signal: AbortSignal,
  work: (service: VaultService) => Promise<T>,
): Promise<T> {
  const url = requireServiceUrl(address);
  const key = address.keyFile === undefined ? address.bootstrapAdminKey : readKey(address.keyFile);
  const http = new UndiciHttpClient();
  try {
    const service = new RemoteVaultService(url, key ?? new SecretString(''), http, signal);
    await service.checkReachable();
    return await work(service);
  } finally {
    await http.close();
  }
}

/**
 * https except on loopback: requests carry an admin key and tokens. Errors don't quote the URL, which may hold a
 * password.
 */
function requireServiceUrl({ url: given, publicUrl }: RemoteServiceOptions): string {
  const name = given === undefined ? 'PUBLIC_URL' : '--url';
  const text = given ?? publicUrl;
  const url = URL.canParse(text) ? new URL(text) : null;
  const isPlain = url !== null && url.username === '' && url.password === '' && !/[?#\s]/.test(text);
  if (!isPlain || !/^https?:$/.test(url.protocol)) {
    throw new UsageError(`${name} must be a URL such as https://vault.example.com.`);
  }
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    throw new UsageError(
      `${name} is plain http to another machine, which would expose the admin key and the tokens.`,
      'Give --url https://…, or run this on the machine of the service, with --url http://127.0.0.1:PORT.',
    );
  }
  return text.replace(/\/+$/, '');
}

function readKey(file: string): SecretString {
  return new SecretString(readText(file).trim());
}

class RemoteVaultService implements VaultService {
  constructor(
    private readonly url: string,
    private readonly key: SecretString,
    private readonly http: HttpClient,
    private readonly signal: AbortSignal,
  ) {}

  async checkReachable(): Promise<void> {
    await this.send('GET', '/health/live').catch((error: unknown) => {
      throw this.unreachable(error);
    });
  }

  async importToken({ tenant, product, token, appId, ...described }: ImportedToken): Promise<ImportResult> {
    const under = appId === undefined ? {} : { app_id: appId };
    const body = { tenant, product, access_token: token.expose(), ...under, ...toBrought(described) };
    let response: HttpResponse;
    try {
      response = await this.send('POST', '/v1/connections/import', { body });
    } catch (error) {
      if (!(error instanceof HttpRequestError)) throw error;
      return { kind: 'retryable', code: 'no_answer', detail: `${this.url} does not respond.`, afterSeconds: null };
    }
    const payload = parse(response.body) as { code?: string; detail?: string; id?: ConnectionId };
    if (response.status === 201 && payload.id !== undefined) return { kind: 'imported', connectionId: payload.id };
    const { code = 'unknown', detail = 'The response is not from this service: check --url.' } = payload;
    if (response.status !== 429 && response.status !== 503) return { kind: 'refused', code, detail };
    return { kind: 'retryable', code, detail, afterSeconds: Number(response.headers['retry-after']) || null };
  }

  async sweep(): Promise<SweepResult> {
    return (await this.post('/v1/maintenance/refresh-sweep', SWEEP_TIMEOUT_MS)) as SweepResult;
  }

  async runAction(connectionId: ConnectionId, work: 'refresh' | 'check'): Promise<ConnectionResponse> {
    return (await this.post(`/v1/connections/${encodeURIComponent(connectionId)}/${work}`)) as ConnectionResponse;
  }

  async rotate(connectionId: ConnectionId, expires: boolean | null): Promise<ConnectionResponse> {
    const body = expires === null ? {} : { set_token_expires_in_60_days: expires };
    const path = `/v1/connections/${encodeURIComponent(connectionId)}/rotate`;
    return (await this.post(path, TIMEOUT_MS, body)) as ConnectionResponse;
  }

  fingerprintOf(text: string): string {
    // Keyed because the texts contain tokens. After a change of the admin key rows are imported again, which changes
    // nothing.
    return createHmac('sha256', this.key.expose())
      .update(JSON.stringify([this.url, text]))
      .digest('hex');
  }

  private async post(path: string, timeoutMs = TIMEOUT_MS, request: object = {}): Promise<unknown> {
    const { status, body } = await this.send('POST', path, { body: request, timeoutMs }).catch((error: unknown) => {
      throw error instanceof HttpRequestError ? this.unreachable(error) : error;
    });
    const payload = parse(body);
    if (status === 200) return payload;
    throw this.refused('request', status, payload as Problem);
  }

  private async send(
    method: string,
    path: string,
    { body, timeoutMs = TIMEOUT_MS }: { body?: unknown; timeoutMs?: number } = {},
  ): Promise<HttpResponse> {
    const response = await this.http.send({
      method,
      url: `${this.url}${path}`,
      headers: { authorization: `Bearer ${this.key.expose()}`, 'content-type': 'application/json' },
      body: body === undefined ? null : JSON.stringify(body),
      timeoutMs,
      // Imports are not aborted: only the response says whether the token was stored.
      ...(timeoutMs === SWEEP_TIMEOUT_MS ? { signal: this.signal } : {}),
    });
    if (response.status === 401 || response.status === 403) {
      throw this.refused('admin key', response.status, parse(response.body) as Problem);
    }
    return response;
  }

  private unreachable(cause: unknown): StartupError {
    return new StartupError({
      code: 'service_unreachable',
      detail: `The service does not respond at ${this.url}.`,
      remedy: 'Start it, or give --url.',
      cause,
    });
  }

  private refused(what: string, status: number, { code, detail, remedy }: Problem): StartupError {
    return new StartupError({
      code: code ?? 'service_refused',
      detail: `${this.url} refuses the ${what}: ${detail ?? `status ${status}`}`,
      remedy: remedy ?? 'Check --url and --key-file.',
    });
  }
}

/** Parses JSON; anything else is an empty object. */
function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return {};
  }
}
