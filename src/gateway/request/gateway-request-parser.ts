import type { IncomingMessage } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { type GatewayGrant, GatewayLeaseVerifier } from '../../leases/gateway-lease-verifier.ts';
import { MetaApps } from '../../meta/meta-apps.ts';
import type { RawRequestContext } from '../../platform/http-server/raw-http-handler.ts';
import type { GatewayCall } from '../gateway-call.ts';
import { GatewayError } from '../gateway-error.ts';
import { parseDeferredCalls } from './batch.ts';
import { type CallBody, readCallBody } from './call-body.ts';
import { CallPolicy } from './call-policy.ts';
import { type EffectiveCall, findRefusalReason, needsKnownParameters } from './call-rules.ts';
import { resolveTarget } from './call-target.ts';
import { type GatewayPath, isByteUpload, parseGatewayPath, policySegments } from './gateway-path.ts';
import { type ControlParameters, collectParameter, createControlParameters, parseParameters } from './parameters.ts';

const METHODS = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']);
const AUTHORIZATION = /^(?:bearer|oauth)\s+(\S+)\s*$/i;

/** Parses a request: whose call it is, what it does, and whether it is allowed. */
@Injectable()
export class GatewayRequestParser {
  constructor(
    @Inject(GatewayLeaseVerifier) private readonly leases: GatewayLeaseVerifier,
    @Inject(MetaApps) private readonly apps: MetaApps,
    @Inject(CallPolicy) private readonly policy: CallPolicy,
  ) {}

  /** Throws `GatewayError`, `lease_invalid` before any other. */
  async parse(request: IncomingMessage, source: RawRequestContext): Promise<GatewayCall> {
    const url = request.url ?? '/';
    const cut = url.indexOf('?');
    const path = parseGatewayPath(cut < 0 ? url : url.slice(0, cut));
    const query = parseParameters(cut < 0 ? '' : url.slice(cut + 1));
    const controls = createControlParameters();
    for (const { name, value } of query ?? []) collectParameter(controls, name, value);
    const earlyToken = AUTHORIZATION.exec(request.headers.authorization ?? '')?.[1] ?? controls.tokens[0];
    let grant = earlyToken === undefined ? null : await this.getGrant(earlyToken, source);
    if (query === null)
      throw new GatewayError('invalid_request', { detail: 'The query is not percent-encoded UTF-8.' });
    if (path === null) {
      throw new GatewayError(grant === null ? 'lease_invalid' : 'path_not_allowed', {
        ...(grant === null ? {} : { detail: 'This is not a plain Graph API path.' }),
      });
    }
    const body = await readCallBody(request, path, source.bodyLimits);
    body.collectParameters(controls);
    const leaseToken = earlyToken ?? controls.tokens[0] ?? '';
    grant ??= await this.getGrant(leaseToken, source);
    const method = (request.method ?? 'GET').toUpperCase();
    if (!METHODS.has(method))
      throw new GatewayError('invalid_request', { detail: `The Graph API has no method ${method}.` });
    const isBatch = controls.batches === 1;
    // A batch in the query is sent in the body of a POST.
    const sentMethod = isBatch ? 'POST' : method;
    const methods = [sentMethod.toLowerCase(), ...controls.methods];
    const effective = { ...controls, segments: path.segments, methods };
    assertAllowed(effective, controls, path, body);
    const deferred = controls.deferred.flatMap(parseDeferredCalls);
    const segments = policySegments(path);
    const own = segments === path.segments ? effective : { ...effective, segments };
    // Batch items are checked one by one while they are rewritten; the root path alone is not a call.
    const isOwnCall = path.segments.length > 0 || !(isBatch || deferred.length > 0);
    await this.policy.authorize(grant, own, source, { isCall: isOwnCall });
    for (const later of deferred) await this.policy.authorize(grant, later, source);
    const isRead =
      (method === 'GET' || method === 'HEAD') &&
      controls.methods.length === 0 &&
      !isBatch &&
      deferred.length === 0 &&
      body.isEmpty;
    return {
      grant,
      source,
      leaseToken,
      path,
      target: await resolveTarget(this.apps, grant, path),
      query,
      body,
      controls,
      isBatch,
      itemGrants: [],
      method: sentMethod,
      isRead,
      ifNoneMatch: isRead ? (request.headers['if-none-match'] ?? null) : null,
    };
  }

  private async getGrant(token: string, source: RawRequestContext): Promise<GatewayGrant> {
    const grant = await this.leases.grant(token);
    if (grant === null) throw new GatewayError('lease_invalid');
    if (!this.policy.isAddressAllowed(grant, source)) throw await this.policy.refuseAddress(grant, source);
    source.bodyLimits.authenticated();
    return grant;
  }
}

function assertAllowed(call: EffectiveCall, controls: ControlParameters, path: GatewayPath, body: CallBody): void {
  if (controls.batches > 1) throw new GatewayError('invalid_request', { detail: 'There is more than one batch.' });
  const reason = findRefusalReason(call);
  if (reason !== null) throw new GatewayError('path_not_allowed', { detail: reason });
  if (!body.isParsed && needsKnownParameters(call, isByteUpload(path))) {
    const detail =
      'A body of this kind is not allowed for objects themselves, permissions or webhooks: send a form or up to 1 MiB of JSON.';
    throw new GatewayError('path_not_allowed', { detail });
  }
}
