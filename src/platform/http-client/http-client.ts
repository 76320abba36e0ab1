import type { IncomingHttpHeaders } from 'node:http';
import type { LookupFunction } from 'node:net';
import type { Readable } from 'node:stream';
import { Agent, type Dispatcher, errors } from 'undici';
import type { Cancellation } from '../cancellation.ts';
import { readStream } from '../read-stream.ts';
import { ResponseHandler } from './response-handler.ts';

export interface HttpRequest {
  method: string;
  /** Absolute. Never put a secret in it: proxies, caches and peers log URLs. */
  url: string;
  headers?: Record<string, string>;
  body?: string | Buffer | Readable | null;
  /** `send`: the whole exchange. `stream`: until the response headers. */
  timeoutMs: number;
  /** `send` only: a longer response fails as `too_large`. Default 4 MiB. */
  maxBytes?: number;
  signal?: AbortSignal;
}

/** A request for `exchange`. */
export interface ExchangeRequest extends Omit<HttpRequest, 'maxBytes' | 'signal'> {
  /** Longest declared response to return in memory. */
  maxBufferedBytes: number;
  cancellation?: Cancellation;
}

export interface HttpResponse {
  status: number;
  /** Lowercase names. */
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export interface StreamedHttpResponse {
  status: number;
  headers: IncomingHttpHeaders;
  body: Readable;
}

export type HttpRequestErrorReason = 'timeout' | 'connect' | 'reset' | 'too_large' | 'aborted';

/** No response. `mayHaveArrived`: whether the peer may have acted on the request. */
export class HttpRequestError extends Error {
  constructor(
    readonly reason: HttpRequestErrorReason,
    readonly mayHaveArrived: boolean,
    options?: ErrorOptions,
  ) {
    super(`no response: ${reason}`, options);
    this.name = 'HttpRequestError';
  }
}

/** The only way to call other hosts. Never follows redirects. */
export abstract class HttpClient {
  /** Sends a request and reads the response into memory. Throws `HttpRequestError`. */
  abstract send(request: HttpRequest): Promise<HttpResponse>;
  /**
   * Sends a request and streams the response. The caller must read or destroy the stream. Throws `HttpRequestError`.
   */
  abstract stream(request: HttpRequest): Promise<StreamedHttpResponse>;
  /**
   * Sends a request. Returns a response in memory if it declares a short length, which is cheaper, else a stream that
   * the caller must read or destroy. For thousands of calls a second. Throws `HttpRequestError`.
   */
  exchange({
    cancellation,
    maxBufferedBytes: _,
    ...request
  }: ExchangeRequest): Promise<HttpResponse | StreamedHttpResponse> {
    const controller = new AbortController();
    cancellation?.setListener(() => controller.abort());
    return this.stream({ ...request, signal: controller.signal });
  }

  abstract close(): Promise<void>;
}

const MAX_BYTES = 4 * 1024 * 1024;

export interface UndiciHttpOptions {
  /** Maximum number of connections per host. */
  connections?: number;
  connectTimeoutMs?: number;
  /** Between two chunks of a response. */
  bodyTimeoutMs?: number;
  /** Replaces the system's resolver for new connections. Not called for IP addresses in URLs. */
  lookup?: LookupFunction;
}

/** An HttpClient on undici with keep-alive pools. */
export class UndiciHttpClient extends HttpClient {
  readonly #agent: Agent;

  constructor(options: UndiciHttpOptions = {}) {
    super();
    this.#agent = new Agent({
      connections: options.connections ?? 448,
      connect: {
        timeout: options.connectTimeoutMs ?? 5_000,
        ...(options.lookup === undefined ? {} : { lookup: options.lookup }),
      },
      bodyTimeout: options.bodyTimeoutMs ?? 30_000,
      keepAliveTimeout: 30_000,
      pipelining: 1,
    });
  }

  override async send(request: HttpRequest): Promise<HttpResponse> {
    const deadline = AbortSignal.timeout(request.timeoutMs);
    const signal = request.signal === undefined ? deadline : AbortSignal.any([deadline, request.signal]);
    try {
      const response = await this.dispatch(request, signal);
      const body = await readStream(response.body, request.maxBytes ?? MAX_BYTES, tooLargeError);
      return { status: response.statusCode, headers: response.headers, body };
    } catch (error) {
      throw toHttpRequestError(error, deadline.aborted);
    }
  }

  override async stream(request: HttpRequest): Promise<StreamedHttpResponse> {
    try {
      const response = await this.dispatch(request, request.signal);
      return { status: response.statusCode, headers: response.headers, body: response.body };
    } catch (error) {
      throw toHttpRequestError(error, false);
    }
  }

  override exchange(request: ExchangeRequest): Promise<HttpResponse | StreamedHttpResponse> {
    // Let undici's own implementation handle a request body that is still being sent.
    if (isStream(request.body)) return super.exchange(request);
    const { cancellation, maxBufferedBytes } = request;
    return new Promise((resolve, reject) => {
      const outcome = { resolve, reject: (error: unknown) => reject(toHttpRequestError(error, false)) };
      this.#agent.dispatch(toOptions(request), new ResponseHandler(maxBufferedBytes, cancellation ?? null, outcome));
    });
  }

  override close(): Promise<void> {
    return this.#agent.destroy();
  }

  private dispatch(request: HttpRequest, signal: AbortSignal | undefined): Promise<Dispatcher.ResponseData> {
    const options = toOptions(request);
    return this.#agent.request(signal === undefined ? options : { ...options, signal });
  }
}

function isStream(body: HttpRequest['body']): boolean {
  return typeof body === 'object' && body !== null && !Buffer.isBuffer(body);
}

function toOptions(request: Omit<HttpRequest, 'signal'>): Dispatcher.RequestOptions {
  const { origin, path } = splitAddress(request.url);
  return {
    origin,
    path,
    method: request.method as Dispatcher.HttpMethod,
    headers: request.headers ?? {},
    body: request.body ?? null,
    headersTimeout: request.timeoutMs,
  };
}

/** Matches addresses that `URL` would leave unchanged: nothing to encode, no dot segments. */
const PLAIN_ADDRESS =
  /^(https?:\/\/[a-z0-9.-]+(?::\d+)?)((?:\/[\w~:@$+,=-][\w.~:@$+,=-]*)+(?:\?[\w.~:@$+,=&%/|!*();-]*)?)$/;
const DEFAULT_PORT = /^http:\/\/[^:]+:80$|^https:\/\/[^:]+:443$/;

function splitAddress(address: string): { origin: string; path: string } {
  const plain = PLAIN_ADDRESS.exec(address);
  const [, origin = '', path = ''] = plain ?? [];
  if (plain !== null && !DEFAULT_PORT.test(origin)) return { origin, path };
  const url = new URL(address);
  return { origin: url.origin, path: url.pathname + url.search };
}

const tooLargeError = (): HttpRequestError => new HttpRequestError('too_large', true);

const NEVER_CONNECTED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'CERT_HAS_EXPIRED',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
]);

function toHttpRequestError(error: unknown, timedOut: boolean): HttpRequestError {
  if (error instanceof HttpRequestError) return error;
  const code = String((error as { code?: unknown }).code ?? '');
  if (NEVER_CONNECTED.has(code)) return new HttpRequestError('connect', false, { cause: error });
  if (timedOut || error instanceof errors.HeadersTimeoutError || error instanceof errors.BodyTimeoutError) {
    return new HttpRequestError('timeout', true, { cause: error });
  }
  if (error instanceof Error && (error.name === 'AbortError' || error.name === 'TimeoutError')) {
    return new HttpRequestError('aborted', true, { cause: error });
  }
  return new HttpRequestError('reset', true, { cause: error });
}
