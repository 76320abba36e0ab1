import type { IncomingMessage, ServerResponse } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { databaseUnavailable } from '../database/fail-fast-pool.ts';
import { LeaseCheck } from '../leases/gateway-lease-verifier.ts';
import { appsecretProof } from '../meta/graph/appsecret-proof.ts';
import { hostNameOf } from '../meta/graph/graph-host.ts';
import { Cancellation } from '../platform/cancellation.ts';
import {
  type ExchangeRequest,
  type HttpAnswer,
  HttpClient,
  HttpFailure,
  type StreamedHttpAnswer,
} from '../platform/http-client/http-client.ts';
import type { RawRequest } from '../platform/http-server/raw-http-handler.ts';
import { traceContext } from '../platform/http-server/trace-context.ts';
import { LOGGER, type Pino } from '../platform/logger.ts';
import { AppError } from '../platform/problem.ts';
import { SealBroken } from '../vault/sealed-secret.ts';
import { CallLimits, type Release } from './concurrency-limiter.ts';
import { headersToMeta } from './forwarded-headers.ts';
import { GatewayRefusal, type GatewayRefusalCode } from './gateway-error.ts';
import { GatewayMetrics } from './gateway-metrics.ts';
import { LeaseWatch } from './lease-monitor.ts';
import type { ItemCredential } from './request/batch.ts';
import type { OutgoingBody } from './request/call-body.ts';
import { CallPolicy } from './request/call-policy.ts';
import type { EffectiveCall } from './request/call-rules.ts';
import { proofFor, targetUrl } from './request/call-target.ts';
import { type Call, CallIntake } from './request/gateway-request-parser.ts';
import { AnswerRelay, SMALL_BYTES } from './response/response-relay.ts';
import type { Secret } from './response/token-finder.ts';
import { RoutePatterns } from './route-patterns.ts';
import { UsageRecord } from './usage-recorder.ts';

/** Reports on ads and video take their time. */
const META_TIMEOUT_MS = 120_000;

/** Graph calls with a lease, from the first byte of the request to the last of the answer. */
@Injectable()
export class GatewayCalls {
  readonly #routes = new RoutePatterns();

  constructor(
    @Inject(CallIntake) private readonly intake: CallIntake,
    @Inject(AnswerRelay) private readonly relay: AnswerRelay,
    @Inject(LeaseCheck) private readonly leases: LeaseCheck,
    @Inject(LeaseWatch) private readonly watch: LeaseWatch,
    @Inject(CallLimits) private readonly limits: CallLimits,
    @Inject(CallPolicy) private readonly policy: CallPolicy,
    @Inject(UsageRecord) private readonly usage: UsageRecord,
    @Inject(GatewayMetrics) private readonly metrics: GatewayMetrics,
    @Inject(HttpClient) private readonly http: HttpClient,
    @Inject(LOGGER) private readonly log: Pino,
  ) {
    metrics.watch(limits);
  }

  /** Answers the request; never rejects. Gives back the client whose call it was, where that was found out. */
  async handle(request: IncomingMessage, response: ServerResponse, source: RawRequest): Promise<string | undefined> {
    const startedMs = performance.now();
    let call: Call | null = null;
    try {
      call = await this.intake.read(request, source);
      await this.pass(call, request, response);
    } catch (error) {
      this.fail(error, request, response, source);
    }
    if (call === null) return undefined;
    const route = this.#routes.of(call.path.segments, call.isBatch);
    this.metrics.passed(call.grant.product, route, response.statusCode, (performance.now() - startedMs) / 1000);
    this.usage.note(call.grant, call.method, route, response.statusCode);
    return call.grant.clientId;
  }

  private async pass(call: Call, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const cancellation = new Cancellation();
    let ended: GatewayRefusalCode | null = null;
    const onClose = (): void => {
      if (!response.writableFinished) cancellation.cancel();
    };
    response.once('close', onClose);
    const unwatch = this.watch.begin(call.grant.leaseId, (code) => {
      ended = code;
      cancellation.cancel();
    });
    let release: Release | null = null;
    try {
      const place = this.limits.acquire(call.grant.appId, call.grant.clientId, cancellation);
      release = typeof place === 'function' ? place : await place;
      const { target, grant } = call;
      const proof = proofFor(target, grant);
      const secrets = secretsOf(grant.accessToken.expose(), proof, call.leaseToken);
      const moved = call.isBatch ? (call.query.find(({ name }) => name === 'batch')?.value ?? null) : null;
      const pending = call.body.outgoing({ credentials: this.itemCredentials(call, proof, secrets), moved });
      const body = pending instanceof Promise ? await pending : pending;
      const answer = await this.send(call, compose(call, request, body, proof, cancellation));
      const relayed = this.relay.relay(call, secrets, answer, response);
      if (relayed !== undefined) await relayed;
    } catch (error) {
      throw ended === null ? error : new GatewayRefusal(ended, { cause: error });
    } finally {
      release?.();
      unwatch();
      response.off('close', onClose);
    }
  }

  /** A batch item may name a lease of its own: of the same client, for a credential of the same host. */
  private itemCredentials(call: Call, proof: string | null, secrets: Secret[]) {
    return async (leaseToken: string | null, item: EffectiveCall): Promise<ItemCredential> => {
      if (leaseToken === null || leaseToken === call.leaseToken) {
        if (!this.policy.covers(call.grant, item)) throw await this.policy.refuseCall(call.grant, item, call.source);
        call.itemGrants.push(call.grant);
        return { accessToken: null, proof };
      }
      const grant = await this.leases.grant(leaseToken);
      const fits =
        grant !== null &&
        grant.clientId === call.grant.clientId &&
        hostNameOf(grant.kind) === hostNameOf(call.grant.kind);
      if (!fits)
        throw new GatewayRefusal('lease_invalid', { detail: 'A batch item names a lease that is not good here.' });
      if (!this.policy.covers(grant, item)) throw await this.policy.refuseCall(grant, item, call.source);
      call.itemGrants.push(grant);
      const { host, takesProof } = call.target;
      const itemProof = takesProof ? appsecretProof(grant.accessToken, host.app.secret) : null;
      const accessToken = grant.accessToken.expose();
      secrets.push(...secretsOf(accessToken, itemProof, leaseToken));
      return { accessToken, proof: itemProof };
    };
  }

  /** Once; a read on a connection that broke before any answer once more. */
  private async send(call: Call, outgoing: ExchangeRequest): Promise<HttpAnswer | StreamedHttpAnswer> {
    try {
      return await this.http.exchange(outgoing);
    } catch (error) {
      if (!call.isRead || !mayRepeat(error) || outgoing.cancellation?.isCancelled === true) throw asRefusal(error);
    }
    return this.http.exchange(outgoing).catch((error: unknown) => {
      throw asRefusal(error);
    });
  }

  private fail(error: unknown, request: IncomingMessage, response: ServerResponse, source: RawRequest): void {
    const refusal = asRefusal(error);
    this.metrics.refused(refusal.code);
    if (refusal.status >= 500) {
      const trace = traceContext(request.headers);
      const about = { request_id: source.requestId, ...(trace === null ? {} : { trace_id: trace.traceId }) };
      if (refusal.code === 'internal_error') this.log.error({ err: error, ...about }, 'internal error');
      else this.log.warn({ err: refusal.cause, ...about }, refusal.message);
    }
    // A body that is cut short must not look whole: the caller sees the connection break.
    if (response.headersSent || response.destroyed) {
      response.destroy();
      return;
    }
    const body = refusal.body();
    const own = Object.entries(refusal.headers()).flat();
    const head = [...source.headers, ...own, 'content-length', String(Buffer.byteLength(body))];
    // What the caller still sends of its body is not waited for.
    if (!request.complete && !head.includes('connection')) head.push('connection', 'close');
    response.writeHead(refusal.status, head);
    response.end(request.method === 'HEAD' ? undefined : body);
  }
}

/** The request for Meta. */
function compose(
  { method, grant, path, target, query }: Call,
  request: IncomingMessage,
  body: OutgoingBody,
  proof: string | null,
  cancellation: Cancellation,
): ExchangeRequest {
  const headers = headersToMeta(request.headers, path.route === 'media');
  headers['authorization'] = `Bearer ${grant.accessToken.expose()}`;
  if (body.contentType !== null && body.contentType !== '') headers['content-type'] = body.contentType;
  if (body.content !== null && body.length !== null) headers['content-length'] = String(body.length);
  const url = targetUrl(target, query, proof);
  return {
    method,
    url,
    headers,
    body: body.content,
    timeoutMs: META_TIMEOUT_MS,
    wholeUpTo: SMALL_BYTES,
    cancellation,
  };
}

/** What the answer must not show, and what stands in for it. */
function secretsOf(accessToken: string, proof: string | null, leaseToken: string): Secret[] {
  const token = { value: accessToken, replacement: leaseToken };
  return proof === null ? [token] : [token, { value: proof, replacement: '' }];
}

function mayRepeat(error: unknown): boolean {
  return error instanceof HttpFailure && (error.reason === 'reset' || error.reason === 'connect');
}

/** Whatever went wrong, in words of ours: a refusal that a body in passing made, Meta out of reach, or a fault of our own. */
function asRefusal(error: unknown): GatewayRefusal {
  if (error instanceof GatewayRefusal) return error;
  if (error instanceof HttpFailure) {
    if (error.cause instanceof GatewayRefusal) return error.cause;
    const detail = error.reason === 'timeout' ? 'Meta did not answer in time.' : 'Meta could not be reached.';
    return new GatewayRefusal('meta_unavailable', { detail, retryAfterSeconds: 1, cause: error });
  }
  if (error instanceof SealBroken) return new GatewayRefusal('credential_unreadable', { cause: error });
  if (error instanceof AppError && error.type === databaseUnavailable) {
    return new GatewayRefusal('database_unavailable', { retryAfterSeconds: 1, cause: error });
  }
  return new GatewayRefusal('internal_error', { cause: error });
}
