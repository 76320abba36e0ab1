import type { IncomingMessage } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { Config } from '../../config/config.ts';
import { type GatewayGrant, LeaseCheck } from '../../leases/gateway-lease-verifier.ts';
import type { RawRequest } from '../../platform/http-server/raw-http-handler.ts';
import { GatewayRefusal } from '../gateway-error.ts';
import { judgeLaterCalls } from './batch.ts';
import { type CallBody, readCallBody } from './call-body.ts';
import { CallPolicy } from './call-policy.ts';
import { dependsOnMethod, type EffectiveCall, refusalOf } from './call-rules.ts';
import { type CallTarget, resolveTarget } from './call-target.ts';
import { type GatewayPath, parseGatewayPath, policySegments } from './gateway-path.ts';
import { type CallFacts, noFacts, noteParameter, type Parameter, parseParameters } from './parameters.ts';

/** A call that may pass. */
export interface Call {
  grant: GatewayGrant;
  source: RawRequest;
  /** As the caller gave it: it stands in answers where Meta's token would. */
  leaseToken: string;
  path: GatewayPath;
  target: CallTarget;
  query: Parameter[];
  body: CallBody;
  facts: CallFacts;
  isBatch: boolean;
  /** Of a batch: what each item runs on, once they are rewritten. */
  itemGrants: GatewayGrant[];
  /** The HTTP method for Meta. */
  method: string;
  /** Reads nothing but what is there: may be asked twice. */
  isRead: boolean;
}

const METHODS = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']);
const AUTHORIZATION = /^(?:bearer|oauth)\s+(\S+)\s*$/i;

/** From a request to a call: whose it is, what it really is, and whether that may pass. */
@Injectable()
export class CallIntake {
  constructor(
    @Inject(LeaseCheck) private readonly leases: LeaseCheck,
    @Inject(Config) private readonly config: Config,
    @Inject(CallPolicy) private readonly policy: CallPolicy,
  ) {}

  /** Throws `GatewayRefusal`: `lease_invalid` before all else. */
  async read(request: IncomingMessage, source: RawRequest): Promise<Call> {
    const url = request.url ?? '/';
    const cut = url.indexOf('?');
    const path = parseGatewayPath(cut < 0 ? url : url.slice(0, cut));
    const query = parseParameters(cut < 0 ? '' : url.slice(cut + 1));
    const facts = noFacts();
    for (const { name, value } of query ?? []) noteParameter(facts, name, value);
    const early = AUTHORIZATION.exec(request.headers.authorization ?? '')?.[1] ?? facts.tokens[0];
    let grant = early === undefined ? null : await this.requireGrant(early, source);
    if (query === null)
      throw new GatewayRefusal('invalid_request', { detail: 'The query is not percent-encoded UTF-8.' });
    if (path === null) {
      throw new GatewayRefusal(grant === null ? 'lease_invalid' : 'path_not_allowed', {
        ...(grant === null ? {} : { detail: 'This is no plain path of Graph.' }),
      });
    }
    const body = await readCallBody(request, path);
    body.note(facts);
    const leaseToken = early ?? facts.tokens[0] ?? '';
    grant ??= await this.requireGrant(leaseToken, source);
    const method = (request.method ?? 'GET').toUpperCase();
    if (!METHODS.has(method)) throw new GatewayRefusal('invalid_request', { detail: `Graph knows no ${method}.` });
    const effective = { ...facts, segments: path.segments, methods: [method.toLowerCase(), ...facts.methods] };
    judge(effective, facts, body);
    const isBatch = facts.batches === 1;
    const later = facts.later.flatMap(judgeLaterCalls);
    if (grant.allow !== null) {
      // Those of a batch are judged one by one as they are rewritten; the root they come to is no call of its own.
      const isOwnCall = path.segments.length > 0 || !(isBatch || later.length > 0);
      for (const asked of isOwnCall ? [{ ...effective, segments: policySegments(path) }, ...later] : later) {
        if (!this.policy.covers(grant, asked)) throw await this.policy.refuseCall(grant, asked, source);
      }
    }
    return {
      grant,
      source,
      leaseToken,
      path,
      target: resolveTarget(this.config.meta, grant, path),
      query,
      body,
      facts,
      isBatch,
      itemGrants: [],
      method: isBatch ? 'POST' : method,
      isRead:
        (method === 'GET' || method === 'HEAD') &&
        facts.methods.length === 0 &&
        !isBatch &&
        later.length === 0 &&
        body.isEmpty,
    };
  }

  private async requireGrant(token: string, source: RawRequest): Promise<GatewayGrant> {
    const grant = await this.leases.grant(token);
    if (grant === null) throw new GatewayRefusal('lease_invalid');
    if (!this.policy.isFromAllowedAddress(grant, source)) throw await this.policy.refuseAddress(grant, source);
    return grant;
  }
}

function judge(call: EffectiveCall, facts: CallFacts, body: CallBody): void {
  if (facts.batches > 1) throw new GatewayRefusal('invalid_request', { detail: 'There is more than one batch.' });
  const { segments } = call;
  const reason = refusalOf(call);
  if (reason !== null) throw new GatewayRefusal('path_not_allowed', { detail: reason });
  if (!body.isRead && dependsOnMethod(segments)) {
    throw new GatewayRefusal('path_not_allowed', { detail: 'Bodies of this kind do not go to permissions.' });
  }
}
