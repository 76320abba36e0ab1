import type { IncomingMessage, ServerResponse } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { GatewayLeaseVerifier } from '../leases/gateway-lease-verifier.ts';
import { tokenKind } from '../meta/tokens/token-kinds.ts';
import { Cancellation } from '../platform/cancellation.ts';
import {
  type ExchangeRequest,
  HttpClient,
  HttpRequestError,
  type HttpResponse,
  type StreamedHttpResponse,
} from '../platform/http-client/http-client.ts';
import type { RawRequestCaller, RawRequestContext } from '../platform/http-server/raw-http-handler.ts';
import { inSpan, isTracing } from '../platform/tracing.ts';
import { ConcurrencyLimiter, type Release } from './concurrency-limiter.ts';
import { buildMetaRequestHeaders } from './forwarded-headers.ts';
import type { GatewayCall } from './gateway-call.ts';
import { GatewayError, type GatewayErrorCode } from './gateway-error.ts';
import { GatewayErrorWriter, toGatewayError } from './gateway-error-writer.ts';
import { GatewayMetrics } from './gateway-metrics.ts';
import { LeaseMonitor } from './lease-monitor.ts';
import type { ItemCredential } from './request/batch.ts';
import type { OutgoingBody } from './request/call-body.ts';
import { CallPolicy } from './request/call-policy.ts';
import type { EffectiveCall } from './request/call-rules.ts';
import { buildTargetUrl, getProof } from './request/call-target.ts';
import { GatewayRequestParser } from './request/gateway-request-parser.ts';
import { MAX_BUFFERED_RESPONSE_BYTES, ResponseRelay } from './response/response-relay.ts';
import type { Secret } from './response/token-finder.ts';
import { RoutePatterns } from './route-patterns.ts';
import { UsageRecorder } from './usage-recorder.ts';

/** Ad reports and videos take a while. */
const META_TIMEOUT_MS = 120_000;

/** Handles Graph calls with a lease, from the first byte of the request to the last byte of the response. */
@Injectable()
export class GatewayService {
  readonly #routes = new RoutePatterns();

  constructor(
    @Inject(GatewayRequestParser) private readonly parser: GatewayRequestParser,
    @Inject(ResponseRelay) private readonly relay: ResponseRelay,
    @Inject(GatewayLeaseVerifier) private readonly leases: GatewayLeaseVerifier,
    @Inject(LeaseMonitor) private readonly monitor: LeaseMonitor,
    @Inject(ConcurrencyLimiter) private readonly limiter: ConcurrencyLimiter,
    @Inject(CallPolicy) private readonly policy: CallPolicy,
    @Inject(UsageRecorder) private readonly usage: UsageRecorder,
    @Inject(GatewayMetrics) private readonly metrics: GatewayMetrics,
    @Inject(HttpClient) private readonly http: HttpClient,
    @Inject(GatewayErrorWriter) private readonly errors: GatewayErrorWriter,
  ) {
    metrics.monitor(limiter);
  }

  /** Handles a request; never rejects. Returns whose lease it is, if the lease is valid. */
  async handle(
    request: IncomingMessage,
    response: ServerResponse,
    source: RawRequestContext,
  ): Promise<RawRequestCaller | undefined> {
    const startedMs = performance.now();
    let call: GatewayCall | null = null;
    try {
      call = await this.parser.parse(request, source);
      await this.forward(call, request, response);
    } catch (error) {
      this.errors.write(error, request, response, source);
    }
    if (call === null) return undefined;
    const route = this.#routes.of(call.path.segments, call.isBatch);
    this.metrics.observeCall(call.grant.product, route, response.statusCode, (performance.now() - startedMs) / 1000);
    this.usage.recordCall(call.grant, call.method, route, response.statusCode);
    return { clientId: call.grant.clientId, tenant: call.grant.tenant };
  }

  /** Refuses a request whose body arrives too slowly. The error that `handle` then sees is ignored. */
  refuseSlowBody(request: IncomingMessage, response: ServerResponse, source: RawRequestContext): void {
    this.errors.write(new GatewayError('request_timeout'), request, response, source);
  }

  private async forward(call: GatewayCall, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const cancellation = new Cancellation();
    let ended: GatewayErrorCode | null = null;
    const onClose = (): void => {
      if (!response.writableFinished) cancellation.cancel();
    };
    response.once('close', onClose);
    const stopTracking = this.monitor.track(call.grant.leaseId, (code) => {
      ended = code;
      cancellation.cancel();
    });
    let release: Release | null = null;
    try {
      const slot = this.limiter.acquire(call.grant.appId, call.grant.clientId, cancellation);
      release = typeof slot === 'function' ? slot : await slot;
      const { target, grant } = call;
      const proof = getProof(target, grant);
      const secrets = toSecrets(grant.accessToken.expose(), proof, call.leaseToken);
      const queryBatch = call.isBatch ? (call.query.find(({ name }) => name === 'batch')?.value ?? null) : null;
      const pending = call.body.outgoing({ credentials: this.itemCredentials(call, proof, secrets), queryBatch });
      const body = pending instanceof Promise ? await pending : pending;
      const metaResponse = await this.send(call, buildMetaRequest(call, request, body, proof, cancellation));
      const relayed = this.relay.relay(call, secrets, metaResponse, response);
      if (relayed !== undefined) await relayed;
    } catch (error) {
      throw ended === null ? error : new GatewayError(ended, { cause: error });
    } finally {
      release?.();
      stopTracking();
      response.off('close', onClose);
    }
  }

  /** A batch item may have its own lease: one of the same client, for a credential of the same host. */
  private itemCredentials(call: GatewayCall, proof: string | null, secrets: Secret[]) {
    return async (leaseToken: string | null, item: EffectiveCall): Promise<ItemCredential> => {
      if (leaseToken === null || leaseToken === call.leaseToken) {
        await this.policy.authorize(call.grant, item, call.source);
        call.itemGrants.push(call.grant);
        return { accessToken: null, proof };
      }
      const grant = await this.leases.grant(leaseToken);
      const isUsable =
        grant !== null &&
        grant.clientId === call.grant.clientId &&
        tokenKind(grant.kind).host === call.target.host.name;
      if (!isUsable)
        throw new GatewayError('lease_invalid', { detail: 'The lease of a batch item is not valid for this call.' });
      await this.policy.authorize(grant, item, call.source);
      call.itemGrants.push(grant);
      const itemProof = getProof(call.target, grant);
      const accessToken = grant.accessToken.expose();
      secrets.push(...toSecrets(accessToken, itemProof, leaseToken));
      return { accessToken, proof: itemProof };
    };
  }

  /** Until the headers of Meta's response. */
  private exchange(call: GatewayCall, outgoing: ExchangeRequest): Promise<HttpResponse | StreamedHttpResponse> {
    if (!isTracing()) return this.http.exchange(outgoing);
    const attributes = {
      'metavault.meta.host': call.target.host.name,
      'http.request.method': call.method,
      'metavault.graph.route': this.#routes.of(call.path.segments, call.isBatch),
    };
    return inSpan({ name: 'Meta graph call', kind: 'client', attributes }, async (span) => {
      const response = await this.http.exchange(outgoing);
      span.set({ 'http.response.status_code': response.status });
      return response;
    });
  }

  /** Sends the call, and retries a read once if its connection broke before any response. */
  private async send(call: GatewayCall, outgoing: ExchangeRequest): Promise<HttpResponse | StreamedHttpResponse> {
    try {
      return await this.exchange(call, outgoing);
    } catch (error) {
      if (!call.isRead || !isRetryable(error) || outgoing.cancellation?.isCanceled === true)
        throw toGatewayError(error);
    }
    return this.exchange(call, outgoing).catch((error: unknown) => {
      throw toGatewayError(error);
    });
  }
}

function buildMetaRequest(
  { method, grant, path, target, query }: GatewayCall,
  request: IncomingMessage,
  body: OutgoingBody,
  proof: string | null,
  cancellation: Cancellation,
): ExchangeRequest {
  const headers = buildMetaRequestHeaders(request.headers, path.route === 'media');
  headers['authorization'] = `Bearer ${grant.accessToken.expose()}`;
  if (body.contentType !== null && body.contentType !== '') headers['content-type'] = body.contentType;
  if (body.content !== null && body.length !== null) headers['content-length'] = String(body.length);
  const url = buildTargetUrl(target, query, proof);
  return {
    method,
    url,
    headers,
    body: body.content,
    timeoutMs: META_TIMEOUT_MS,
    maxBufferedBytes: MAX_BUFFERED_RESPONSE_BYTES,
    cancellation,
  };
}

/** What a response must not contain, and its replacements. */
function toSecrets(accessToken: string, proof: string | null, leaseToken: string): Secret[] {
  const token = { value: accessToken, replacement: leaseToken };
  return proof === null ? [token] : [token, { value: proof, replacement: '' }];
}

function isRetryable(error: unknown): boolean {
  return error instanceof HttpRequestError && (error.reason === 'reset' || error.reason === 'connect');
}
