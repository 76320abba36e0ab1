import { gatewayCode, readObject, readRetryAfter, UnreachableError } from './errors.ts';
import type { Hooks, RequestAttempt } from './hooks.ts';
import type { Runtime } from './runtime.ts';

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 8_000;
/** Statuses that may be temporary. 409 only with `Retry-After`, which the service sends with every temporary one. */
const PASSING = new Set([408, 409, 429, 502, 503, 504]);
/** The gateway refused before it called Meta. */
const NOT_CALLED = 'too_many_calls';

/** One request. `url` may have a query, which neither hooks nor errors see. */
export interface OutgoingRequest {
  method: string;
  url: URL;
  headers: Headers;
  body?: RequestInit['body'] | undefined;
  /** Called for each attempt. */
  token: () => string | Promise<string>;
  /** Whether it is safe to send twice. */
  repeatable: boolean;
  /** Reads the whole body as part of the attempt; otherwise the attempt ends with the headers. */
  buffered: boolean;
  /** Per attempt. */
  timeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
}

export interface TransportOptions {
  timeoutMs: number;
  attempts: number;
  maxWaitMs: number;
  hooks: Hooks;
  fetch: typeof fetch;
  runtime: Runtime;
}

/** Sends requests, with timeouts, retries, and hooks. */
export class Transport {
  readonly #options: TransportOptions;

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  /** Returns the last response, whatever its status. Throws `UnreachableError`, or the reason of an aborted signal. */
  async send(request: OutgoingRequest): Promise<Response> {
    const { attempts, runtime } = this.#options;
    for (let attempt = 1; ; attempt++) {
      const answer = await this.#attempt(request, attempt);
      const pauseMs = attempt < attempts ? await this.#pauseAfter(answer, request, attempt) : null;
      if (pauseMs === null) {
        if (answer instanceof Response) return answer;
        throw answer;
      }
      if (answer instanceof Response) await answer.body?.cancel();
      await runtime.sleep(pauseMs, request.signal);
    }
  }

  async #attempt(request: OutgoingRequest, attempt: number): Promise<Response | UnreachableError> {
    const { hooks, runtime } = this.#options;
    const about: RequestAttempt = { method: request.method, path: request.url.pathname, attempt, headers: {} };
    const token = await request.token();
    hooks.onRequest?.(about);
    const startedAt = runtime.now();
    const answer = await this.#fetch(request, joinHeaders(about.headers, request.headers, token));
    const status = answer instanceof Response ? answer.status : null;
    const requestId = answer instanceof Response ? answer.headers.get('x-request-id') : null;
    hooks.onResponse?.(about, { status, requestId, durationMs: runtime.now() - startedAt });
    return answer;
  }

  async #fetch(request: OutgoingRequest, headers: Headers): Promise<Response | UnreachableError> {
    const { method, url, body, signal, timeoutMs = this.#options.timeoutMs } = request;
    const timeout = new AbortController();
    const timer = setTimeout(() => timeout.abort(), timeoutMs);
    const signals = signal === undefined ? [timeout.signal] : [signal, timeout.signal];
    try {
      const response = await this.#options.fetch(url, {
        method,
        headers,
        signal: AbortSignal.any(signals),
        redirect: 'manual',
        ...(body === undefined || body === null ? {} : { body, ...(isStream(body) ? { duplex: 'half' } : {}) }),
      });
      return request.buffered ? await bufferBody(response) : response;
    } catch (error) {
      signal?.throwIfAborted();
      return toUnreachable(error, request, timeout.signal.aborted);
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Returns the milliseconds until the next attempt, from `Retry-After` and with full jitter; null if there is none.
   */
  async #pauseAfter(
    answer: Response | UnreachableError,
    request: OutgoingRequest,
    attempt: number,
  ): Promise<number | null> {
    if (isStream(request.body)) return null;
    let askedMs = 0;
    if (answer instanceof Response) {
      if (!PASSING.has(answer.status)) return null;
      const body = await readObject(answer.clone());
      if (!request.repeatable && gatewayCode(body) !== NOT_CALLED) return null;
      const seconds = readRetryAfter(answer.headers);
      const isOurs = 'code' in body || gatewayCode(body) !== null;
      if (seconds === undefined && (answer.status === 409 || isOurs)) return null;
      askedMs = (seconds ?? 0) * 1000;
    } else if (!request.repeatable) return null;
    const { maxWaitMs, runtime } = this.#options;
    const longestMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt);
    return askedMs > maxWaitMs ? null : askedMs + runtime.random() * longestMs;
  }
}

/** Streams are used up by the first attempt. */
export function isStream(body: unknown): boolean {
  return typeof body === 'object' && body !== null && (body instanceof ReadableStream || Symbol.asyncIterator in body);
}

/** Throws an error without the token if the token cannot be sent: the runtime's own error would show it. */
function joinHeaders(added: Record<string, string>, own: Headers, token: unknown): Headers {
  if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token)) {
    throw new TypeError('The key or token must be printable ASCII without spaces: look for a line break at its end.');
  }
  const headers = new Headers(added);
  for (const [name, value] of own) headers.set(name, value);
  headers.set('authorization', `Bearer ${token}`);
  return headers;
}

async function bufferBody(response: Response): Promise<Response> {
  const { status, headers } = response;
  const bytes = await response.arrayBuffer();
  return new Response(bytes.byteLength === 0 ? null : bytes, { status, headers });
}

/** Keeps only the system's error code: the runtime's message may show headers. */
function toUnreachable(error: unknown, { method, url }: OutgoingRequest, isTimeout: boolean): UnreachableError {
  const { cause, name } = (error ?? {}) as { cause?: { code?: unknown }; name?: unknown };
  const reason = typeof cause?.code === 'string' ? cause.code : String(name);
  return new UnreachableError({
    code: isTimeout ? 'timeout' : 'unreachable',
    detail: `${method} ${url.pathname} got no answer${isTimeout ? ' in time' : ` (${reason})`}.`,
    remedy: 'Check the address, the network, and that the service runs; then try again.',
  });
}
