import type { IncomingHttpHeaders } from 'node:http';
import { Inject, Injectable, Optional } from '@nestjs/common';
import type { GatewayGrant } from '../../leases/gateway-lease-verifier.ts';
import { SuspectedTokenService } from '../../lifecycle/inspection/suspected-token.service.ts';
import { classifyError, type MetaVerdict } from '../../meta/errors/classify-error.ts';
import { readGraphError, toMetaCause } from '../../meta/errors/graph-error.ts';
import { servedVersion } from '../../meta/graph/graph-transport.ts';
import { detectVersionDrift } from '../../meta/graph/graph-version.ts';
import { asObject, type Json, parseLossless, readNumber, readText } from '../../meta/graph/lossless-json.ts';
import { MetaMetrics } from '../../meta/graph/meta-metrics.ts';
import { longestRegainSeconds, readUsageHeaders } from '../../meta/graph/usage-headers.ts';
import { UsageObserver } from '../../meta/graph/usage-observer.ts';
import { VersionObserver } from '../../meta/graph/version-observer.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import type { MetaCause } from '../../platform/problem.ts';
import type { GatewayCall } from '../gateway-call.ts';

const USAGE_HEADERS = [
  'x-app-usage',
  'x-business-use-case-usage',
  'x-ad-account-usage',
  'x-page-usage',
  'x-fb-ads-insights-throttle',
  'retry-after',
];

/** Unchanged limits are reported again after this, because reports expire. */
const USAGE_REPEAT_INTERVAL_MS = 1_000;

/**
 * Reports what Meta's responses reveal about limits, versions and tokens. Never throws and never delays the response.
 */
@Injectable()
export class ResponseObserver {
  /** The limits last reported per app, and when (monotonic): most responses repeat them. */
  readonly #lastUsageByApp = new Map<string, { values: readonly unknown[]; objectId: string | null; atMs: number }>();

  constructor(
    @Inject(SuspectedTokenService) private readonly suspectedTokens: SuspectedTokenService,
    @Inject(LOGGER) private readonly log: Pino,
    @Optional() @Inject(UsageObserver) private readonly observer: UsageObserver | null = null,
    @Optional() @Inject(VersionObserver) private readonly versions: VersionObserver | null = null,
    @Optional() @Inject(MetaMetrics) private readonly metrics: MetaMetrics | null = null,
  ) {}

  /** Reports limits and the version served, from the headers of any response. */
  observeHeaders(call: GatewayCall, headers: IncomingHttpHeaders): void {
    this.observeVersion(call, headers);
    if (this.observer === null || !USAGE_HEADERS.some((name) => headers[name] !== undefined)) return;
    const { appId } = call.grant;
    const atMs = performance.now();
    const last = this.#lastUsageByApp.get(appId);
    // Other headers name their objects, or concern the app.
    const objectId = headers['x-ad-account-usage'] === undefined ? null : limitedObjectOf(call, call.grant);
    const isRepeated =
      last !== undefined &&
      atMs - last.atMs < USAGE_REPEAT_INTERVAL_MS &&
      last.objectId === objectId &&
      USAGE_HEADERS.every((name, index) => last.values[index] === headers[name]);
    if (isRepeated) return;
    this.#lastUsageByApp.set(appId, { values: USAGE_HEADERS.map((name) => headers[name]), objectId, atMs });
    this.observer.observe(appId, { usage: readUsageHeaders(headers), throttle: null, objectId });
  }

  /**
   * Reports errors in a body: a token that may be dead, or a limit. Each item of a batch has its own errors and token.
   */
  observeBody(call: GatewayCall, status: number, headers: IncomingHttpHeaders, body: Buffer): void {
    const json = parseLossless(body.toString('utf8'));
    this.observeError(call, call.grant, status, headers, json);
    if (!call.isBatch || !Array.isArray(json)) return;
    for (const [index, item] of json.entries()) {
      const object = asObject(item);
      const code = readNumber(object, 'code');
      const text = readText(object, 'body');
      if (code === null || code < 400 || text === null) continue;
      this.observeError(call, call.itemGrants[index] ?? call.grant, code, {}, parseLossless(text));
    }
  }

  private observeVersion({ grant, target: { host }, path }: GatewayCall, headers: IncomingHttpHeaders): void {
    const served = servedVersion(headers);
    if (served === null || host.fixedVersion !== null) return;
    const asked = path.version ?? host.version;
    this.versions?.observe({ appId: grant.appId, host: host.name, asked, served });
    const drift = detectVersionDrift(asked, served);
    if (drift === 'newer' || drift === 'older') this.metrics?.recordVersionDrift(host.name, drift);
  }

  private observeError(
    call: GatewayCall,
    grant: GatewayGrant,
    status: number,
    headers: IncomingHttpHeaders,
    json: Json | undefined,
  ): void {
    const fields = readGraphError(json);
    if (fields === null) return;
    const usage = readUsageHeaders(headers);
    const { host } = call.target;
    const verdict = classifyError({
      httpStatus: status,
      ...fields,
      context: asksForClientBusiness(call) ? 'client_business' : 'graph',
      host: host.errorDialect,
      retryAfterSeconds: usage.retryAfterSeconds,
      regainAccessSeconds: longestRegainSeconds(usage),
    });
    if (verdict.kind === 'throttled') {
      const { scope, retryAfterSeconds } = verdict;
      // Report an identical response again.
      this.#lastUsageByApp.delete(call.grant.appId);
      const objectId = call.isBatch ? grant.credentialId : limitedObjectOf(call, grant);
      this.observer?.observe(call.grant.appId, { usage, throttle: { scope, retryAfterSeconds }, objectId });
    }
    if (isAboutToken(verdict)) this.report(grant, toMetaCause(fields), verdict);
  }

  private report(grant: GatewayGrant, cause: MetaCause, verdict: MetaVerdict): void {
    const { credentialId, credentialVersion } = grant;
    this.suspectedTokens.report(credentialId, credentialVersion, cause, verdict).catch((error: unknown) => {
      this.log.error({ err: error, credential_id: credentialId }, 'a suspected token could not be checked');
    });
  }
}

const GRAPH_ID = /^(act_)?\d{1,32}$/;

/** Returns the object in the call's path; for `me` and paths without an id, the credential stands for its object. */
function limitedObjectOf({ path }: GatewayCall, { credentialId }: GatewayGrant): string {
  const first = path.segments[0] ?? '';
  return GRAPH_ID.test(first) ? first : credentialId;
}

function isAboutToken(verdict: MetaVerdict): boolean {
  return verdict.kind === 'dead' || verdict.kind === 'suspect';
}

/** A 190 to this field says nothing about a user token: docs/meta-facts.md#business-integration-system-users */
function asksForClientBusiness({ controls, path }: GatewayCall): boolean {
  return (
    controls.fields.some((value) => value.includes('client_business_id')) ||
    path.segments.includes('client_business_id')
  );
}
