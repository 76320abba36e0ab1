import { createHash } from 'node:crypto';
import { StartFailure } from '../../bootstrap/startup-error.ts';
import { isLoopback } from '../../config/setting-readers.ts';
import type { ConnectionView } from '../../connections/connection/connection-response.dto.ts';
import {
  type HttpAnswer,
  type HttpClient,
  HttpFailure,
  UndiciHttpClient,
} from '../../platform/http-client/http-client.ts';
import { SecretString } from '../../platform/secret-string.ts';
import { UsageFailure } from '../command-error.ts';
import { readText } from '../terminal/read-text.ts';
import type { ImportAnswer, SweepAnswer, VaultService } from './vault-service.ts';

const TIMEOUT_MS = 60_000;
/** A sweep works off all that is due before it answers. */
const SWEEP_TIMEOUT_MS = 24 * 60 * 60 * 1000;

interface Address {
  publicUrl: string;
  bootstrapAdminKey: SecretString | null;
  url?: string;
  keyFile?: string;
}

interface Problem {
  code?: string;
  detail?: string;
}

/**
 * Runs `work` on the API of a service that runs, as an admin. Throws `UsageFailure` before anything is sent where the address would
 * carry keys and tokens in the clear, and `StartFailure` at once where nobody answers.
 */
export async function withRunningService<T>(
  address: Address,
  signal: AbortSignal,
  work: (service: VaultService) => Promise<T>,
): Promise<T> {
  const url = serviceUrl(address);
  const key = address.keyFile === undefined ? address.bootstrapAdminKey : keyIn(address.keyFile);
  const http = new UndiciHttpClient();
  try {
    const service = new RunningService(url, key ?? new SecretString(''), http, signal);
    await service.greet();
    return await work(service);
  } finally {
    await http.close();
  }
}

/** Off this machine over https only: each request carries an admin key, an import Meta's tokens. The address is not quoted: it could hold a password. */
function serviceUrl({ url: given, publicUrl }: Address): string {
  const name = given === undefined ? 'PUBLIC_URL' : '--url';
  const text = given ?? publicUrl;
  const url = URL.canParse(text) ? new URL(text) : null;
  const isPlain = url !== null && url.username === '' && url.password === '' && !/[?#\s]/.test(text);
  if (!isPlain || !/^https?:$/.test(url.protocol)) {
    throw new UsageFailure(`${name} must be an address such as https://vault.example.com.`);
  }
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    throw new UsageFailure(
      `${name} is plain http to another machine, which would show the admin key and the tokens on the way. Give --url https://…, or run this where the service runs, with --url http://127.0.0.1:PORT.`,
    );
  }
  return text.replace(/\/+$/, '');
}

function keyIn(file: string): SecretString {
  return new SecretString(readText(file).trim());
}

class RunningService implements VaultService {
  constructor(
    private readonly url: string,
    private readonly key: SecretString,
    private readonly http: HttpClient,
    private readonly signal: AbortSignal,
  ) {}

  async greet(): Promise<void> {
    await this.ask('GET', '/health/live').catch((error: unknown) => {
      throw this.unreachable(error);
    });
  }

  async importToken({ tenant, product, token }: Parameters<VaultService['importToken']>[0]): Promise<ImportAnswer> {
    const body = { tenant, product, access_token: token.expose() };
    let answer: HttpAnswer;
    try {
      answer = await this.ask('POST', '/v1/connections/import', { body });
    } catch (error) {
      if (!(error instanceof HttpFailure)) throw error;
      return { kind: 'later', code: 'no_answer', detail: `${this.url} does not answer.`, afterSeconds: null };
    }
    const said = parse(answer.body) as Problem & { id?: string };
    if (answer.status === 201 && said.id !== undefined) return { kind: 'in', connectionId: said.id };
    const { code = 'unknown', detail = 'The answer was not of this service; look at --url.' } = said;
    if (answer.status !== 429 && answer.status !== 503) return { kind: 'refused', code, detail };
    return { kind: 'later', code, detail, afterSeconds: Number(answer.headers['retry-after']) || null };
  }

  async sweep(): Promise<SweepAnswer> {
    return (await this.done('/v1/maintenance/refresh-sweep', SWEEP_TIMEOUT_MS)) as SweepAnswer;
  }

  async workOn(connectionId: string, work: 'refresh' | 'check'): Promise<ConnectionView> {
    return (await this.done(`/v1/connections/${encodeURIComponent(connectionId)}/${work}`)) as ConnectionView;
  }

  markOf(text: string): string {
    return createHash('sha256')
      .update(JSON.stringify([this.url, text]))
      .digest('hex');
  }

  private async done(path: string, timeoutMs = TIMEOUT_MS): Promise<unknown> {
    const { status, body } = await this.ask('POST', path, { body: {}, timeoutMs }).catch((error: unknown) => {
      throw error instanceof HttpFailure ? this.unreachable(error) : error;
    });
    const said = parse(body);
    if (status === 200) return said;
    const { detail = `status ${status}` } = said as Problem;
    throw new StartFailure(`${this.url} refuses: ${detail}`, undefined);
  }

  private async ask(
    method: string,
    path: string,
    { body, timeoutMs = TIMEOUT_MS }: { body?: unknown; timeoutMs?: number } = {},
  ): Promise<HttpAnswer> {
    const answer = await this.http.send({
      method,
      url: `${this.url}${path}`,
      headers: { authorization: `Bearer ${this.key.expose()}`, 'content-type': 'application/json' },
      body: body === undefined ? null : JSON.stringify(body),
      timeoutMs,
      // An import that is under way is waited for: its answer says whether the token is in.
      ...(timeoutMs === SWEEP_TIMEOUT_MS ? { signal: this.signal } : {}),
    });
    if (answer.status === 401 || answer.status === 403) {
      const { detail = String(answer.status) } = parse(answer.body) as Problem;
      throw new StartFailure(`${this.url} refuses the admin key: ${detail}`, undefined);
    }
    return answer;
  }

  private unreachable(cause: unknown): StartFailure {
    return new StartFailure(`The service does not answer at ${this.url}. Start it, or give --url.`, cause);
  }
}

/** An answer that is no JSON says nothing. */
function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return {};
  }
}
