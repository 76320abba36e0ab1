import type { IncomingHttpHeaders } from 'node:http';
import { Inject, Injectable, Optional } from '@nestjs/common';
import { Clock } from '../../platform/clock.ts';
import { HttpClient, HttpRequestError, type HttpResponse } from '../../platform/http-client/http-client.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import { Random } from '../../platform/random.ts';
import { inSpan, type SpanAttributes } from '../../platform/tracing.ts';
import { classifyError, type MetaVerdict } from '../errors/classify-error.ts';
import { type GraphErrorFields, readGraphError, readTraceId, toMetaCause } from '../errors/graph-error.ts';
import { MetaError } from '../errors/meta-error.ts';
import { readMetaWords } from '../errors/meta-words.ts';
import { type MetaApp, MetaApps } from '../meta-apps.ts';
import { buildRequest, type GraphCall } from './graph-call.ts';
import type { GraphHost, TokenHostName } from './graph-host.ts';
import { detectVersionDrift } from './graph-version.ts';
import { type Json, parseLossless } from './lossless-json.ts';
import { MetaMetrics } from './meta-metrics.ts';
import { Pause } from './pause.ts';
import { QueryFallback } from './query-fallback.ts';
import { longestRegainSeconds, readUsageHeaders, type UsageReport } from './usage-headers.ts';
import { UsageObserver } from './usage-observer.ts';
import { VersionObserver } from './version-observer.ts';

/** A successful response: 2xx, with no error in its body. */
export interface GraphResponse {
  status: number;
  json: Json;
  /** `facebook-api-version` or `instagram-api-version`. */
  servedVersion: string | null;
}

/** A refusal as read from a response. */
interface Refusal {
  verdict: MetaVerdict;
  fields: GraphErrorFields | null;
  /** Null: the call did not ask for it. */
  words: string | null;
  seconds: number;
}

const TIMEOUT_MS = 10_000;
const MAX_BYTES = 4 * 1024 * 1024;
const MAX_TRIES = 3;
const BACKOFF_BASE_MS = 200;
/** Bounds the number of distinct drifts that are logged, so bad responses fill neither the log nor memory. */
const MAX_LOGGED_DRIFTS = 20;
const VERSION_IN_PATH = /^\/(v\d{1,3}\.\d{1,2})\//;

/**
 * Makes calls to Meta as one app: token placement, proof, timeout, safe retries, verdicts, metrics, usage. Throws only
 * `MetaError`.
 */
@Injectable()
export class GraphTransport {
  #seenDrifts = new Set<string>();
  #queryFallbacks = new Map<string, QueryFallback>();

  constructor(
    @Inject(HttpClient) private readonly http: HttpClient,
    @Inject(MetaApps) private readonly apps: { readonly primary: MetaApp },
    @Inject(Clock) private readonly clock: Clock,
    @Inject(Random) private readonly random: Random,
    @Inject(LOGGER) private readonly log: Pino,
    @Inject(MetaMetrics) private readonly metrics: MetaMetrics,
    @Inject(Pause) private readonly pause: Pause,
    @Optional() @Inject(UsageObserver) private readonly observer: UsageObserver | null = null,
    @Optional() @Inject(VersionObserver) private readonly versions: VersionObserver | null = null,
  ) {}

  /** Returns the same transport for calls of another app. */
  as(app: MetaApp): GraphTransport {
    const { http, clock, random, log, metrics, pause, observer, versions } = this;
    const bound = new GraphTransport(http, { primary: app }, clock, random, log, metrics, pause, observer, versions);
    bound.#seenDrifts = this.#seenDrifts;
    bound.#queryFallbacks = this.#queryFallbacks;
    return bound;
  }

  /** Returns what is known about a call's two forms, by its name. This depends on Meta alone, so all apps share it. */
  queryFallback(name: string): QueryFallback {
    const known = this.#queryFallbacks.get(name) ?? new QueryFallback();
    this.#queryFallbacks.set(name, known);
    return known;
  }

  host(name: GraphCall['host']): GraphHost {
    return this.apps.primary.host(name);
  }

  /** Returns our app ids that a token inspection on this host may name. */
  appIds(name: TokenHostName): string[] {
    return this.apps.primary.inspectableAppIds(name);
  }

  /** Tries up to three times if a retry is safe and a short wait can help. Does not wait out throttling. */
  async call(call: GraphCall): Promise<GraphResponse> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.trace(call);
      } catch (error) {
        if (!(error instanceof MetaError) || tries >= MAX_TRIES || !canRetry(call, error)) throw error;
        await this.waitBefore(tries, call.signal, error);
      }
    }
  }

  private async waitBefore(tries: number, signal: AbortSignal | undefined, last: MetaError): Promise<void> {
    try {
      await this.pause.wait(this.random.fraction() * BACKOFF_BASE_MS * 2 ** (tries - 1), signal);
    } catch {
      throw last;
    }
  }

  private trace(call: GraphCall): Promise<GraphResponse> {
    const attributes = { 'metavault.meta.host': call.host, 'http.request.method': call.method };
    return inSpan({ name: `Meta ${call.operation}`, kind: 'client', attributes }, async (span) => {
      try {
        const response = await this.tryOnce(call);
        span.set({ 'http.response.status_code': response.status });
        return response;
      } catch (error) {
        if (error instanceof MetaError) span.set(describeFailure(error));
        throw error;
      }
    });
  }

  private async tryOnce(call: GraphCall): Promise<GraphResponse> {
    const host = this.host(call.host);
    const request = buildRequest(host, call);
    const startedAt = this.clock.now().getTime();
    const elapsed = (): number => Math.max(0, this.clock.now().getTime() - startedAt) / 1000;
    let response: HttpResponse;
    try {
      response = await this.http.send({
        ...request,
        timeoutMs: call.timeoutMs ?? TIMEOUT_MS,
        maxBytes: MAX_BYTES,
        ...(call.signal === undefined ? {} : { signal: call.signal }),
      });
    } catch (failure) {
      throw this.toNetworkError(call, failure, elapsed());
    }
    this.checkServedVersion(host, call, response.headers);
    return this.readResponse(call, host, response, elapsed());
  }

  private readResponse(call: GraphCall, host: GraphHost, response: HttpResponse, seconds: number): GraphResponse {
    const usage = readUsageHeaders(response.headers);
    const json = readBody(response.body, call.acceptForm === true);
    const fields = readGraphError(json);
    const isSuccess = response.status >= 200 && response.status < 300 && json !== undefined && fields === null;
    if (isSuccess) {
      this.observe(host, usage, null);
      this.metrics.recordSuccess(call.operation, seconds);
      return { status: response.status, json, servedVersion: servedVersion(response.headers) };
    }
    const verdict = classifyError({
      httpStatus: response.status,
      ...fields,
      // A JSON object that is not a Meta error is still not a gateway's HTML, so the status counts.
      envelope: fields?.envelope ?? (json === undefined ? null : 'graph'),
      context: call.context,
      host: host.errorDialect,
      hasAppsecretProof: sendsProof(call, host),
      retryAfterSeconds: usage.retryAfterSeconds,
      regainAccessSeconds: longestRegainSeconds(usage),
    });
    this.observe(host, usage, verdict);
    const secrets = host.app === null ? [] : [host.app.secret];
    const words = call.keepsWords === true ? readMetaWords(json, secrets) : null;
    throw this.toRefusedError(call, response, { verdict, fields, words, seconds });
  }

  private toRefusedError(
    call: GraphCall,
    response: HttpResponse,
    { verdict, fields, words, seconds }: Refusal,
  ): MetaError {
    const definite = fields !== null && response.status < 500 && verdict.kind !== 'transient';
    const cause = toMetaCause(
      fields,
      readTraceId(response.headers['x-fb-request-id'] ?? response.headers['x-fb-trace-id']),
    );
    this.metrics.recordFailure(call.operation, verdict.kind, fields?.code ?? null, seconds);
    this.log.info(
      { operation: call.operation, verdict, status: response.status, meta: cause, seconds },
      'Meta refused',
    );
    return new MetaError({
      verdict,
      cause,
      httpStatus: response.status,
      operation: call.operation,
      mayHaveCommitted: call.effect !== 'read' && !definite,
      words,
    });
  }

  private toNetworkError(call: GraphCall, failure: unknown, seconds: number): MetaError {
    const known = failure instanceof HttpRequestError ? failure : null;
    const reason = known?.reason ?? 'reset';
    this.metrics.recordFailure(call.operation, 'transient', 'network', seconds);
    this.log.info({ operation: call.operation, reason, seconds }, 'Meta did not respond');
    return new MetaError({
      verdict: { kind: 'transient' },
      httpStatus: null,
      operation: call.operation,
      mayHaveCommitted: call.effect !== 'read' && (known?.mayHaveArrived ?? true),
      networkReason: reason,
    });
  }

  private observe(host: GraphHost, usage: UsageReport, verdict: MetaVerdict | null): void {
    if (host.app === null) return;
    const throttle =
      verdict?.kind === 'throttled' ? { scope: verdict.scope, retryAfterSeconds: verdict.retryAfterSeconds } : null;
    try {
      // Only the caller knows whose object limit this is, and reports it to the rate limiter itself.
      this.observer?.observe(host.app.id, { usage, throttle, objectId: null });
    } catch (error) {
      this.log.error({ err: error }, 'the usage observer failed');
    }
  }

  /** Counts responses served by another version and logs each kind once. Unversioned paths request none. */
  private checkServedVersion(host: GraphHost, { path }: GraphCall, headers: IncomingHttpHeaders): void {
    const served = servedVersion(headers);
    const asked = VERSION_IN_PATH.exec(path)?.[1];
    if (served === null || asked === undefined || host.fixedVersion !== null) return;
    if (host.app !== null) this.versions?.observe({ appId: host.app.id, host: host.name, asked, served });
    const drift = detectVersionDrift(asked, served);
    if (drift === 'unknown' || drift === 'none') return;
    this.metrics.recordVersionDrift(host.name, drift);
    const key = `${host.name} ${served}`;
    if (this.#seenDrifts.has(key) || this.#seenDrifts.size >= MAX_LOGGED_DRIFTS) return;
    this.#seenDrifts.add(key);
    this.log.warn({ host: host.name, asked, served }, 'Meta serves another API version than asked for');
  }
}

/** `once` calls are retried only if the request cannot have reached Meta. */
function canRetry(call: GraphCall, error: MetaError): boolean {
  if (error.verdict.kind !== 'transient' || call.signal?.aborted === true) return false;
  if (error.networkReason === 'too_large' || error.networkReason === 'aborted') return false;
  return call.effect !== 'once' || (error.networkReason !== null && !error.mayHaveCommitted);
}

/** Reads `facebook-api-version` or `instagram-api-version`; null if missing or malformed. */
export function servedVersion(headers: IncomingHttpHeaders): string | null {
  const value = headers['facebook-api-version'] ?? headers['instagram-api-version'];
  return typeof value === 'string' && /^v\d{1,3}\.\d{1,2}$/.test(value) ? value : null;
}

/** Parses JSON or, on request, old form-encoded token responses (docs/meta-facts.md#code-exchange). */
function readBody(body: Buffer, acceptForm: boolean): Json | undefined {
  const text = body.toString('utf8');
  const json = parseLossless(text);
  if (json !== undefined || !acceptForm || !text.startsWith('access_token=')) return json;
  return Object.fromEntries(new URLSearchParams(text.trim()));
}

function sendsProof({ auth }: GraphCall, { isProofSupported, app }: GraphHost): boolean {
  return auth.by === 'credential' && auth.proof !== false && isProofSupported && app !== null;
}

function describeFailure({ httpStatus, cause, verdict }: MetaError): SpanAttributes {
  return {
    'metavault.meta.verdict': verdict.kind,
    ...(httpStatus === null ? {} : { 'http.response.status_code': httpStatus }),
    ...(cause.code === undefined ? {} : { 'metavault.meta.code': cause.code }),
  };
}
